# SPDX-License-Identifier: GPL-2.0-only
"""How many copies a second can each have a record before the first one is lost."""

import json
import time

import attach
import slices
import table
import tools

COPIES = attach.BUILD / "bench" / "copies"
SIZE = 4096
# Each is a record of its own from --min-bytes on.
OPTIONS = ("--budget", "none", "--min-bytes", str(SIZE))
FIRST_RATE, LAST_RATE = 10_000, 5_000_000
FACTOR = 2
WATCH_S = 1.0
HEADING = ["copies a second, asked for", "came", "records", "lost", "accounted for", "own CPU"]


def records_of(path):
    """How many copies have a record, and the summary: without all of them in memory at once."""
    copies, last = 0, None
    with open(path) as lines:
        for line in lines:
            copies += '"type":"copy"' in line.replace(" ", "")
            last = line
    return copies, last


class Watch(attach.Attached):
    """Reads its records a line at a time: there may be a million."""

    def records(self):
        if not hasattr(self, "live_ns"):
            return super().records()
        self.copies, last = records_of(self.records_path)
        return [json.loads(last)]


def measure(rate):
    arguments = (SIZE, "rate", rate) if rate else (SIZE,)
    with slices.SlicingTarget(COPIES, *arguments) as target:
        target.take(0.1)
        with Watch([target.pid], *OPTIONS) as watch:
            time.sleep(WATCH_S)
        seconds = (watch.interrupt_ns - watch.live_ns) / 1e9
        own_cpu = (watch.cpu_ns - watch.live_cpu_ns) / 1e9 / seconds
    return watch.copies, tools.summary(watch.final), seconds, own_cpu


def measured_row(rate):
    copies, summary, seconds, own_cpu = measure(rate)
    counted = summary["large_copies"]
    return {"rate": rate, "came": round(counted / seconds), "records": copies,
            "lost": summary["lost_events"], "own_cpu": own_cpu,
            # The kernel counts them whether or not the ring had room.
            "exact": counted == copies + summary["lost_events"]}


def run():
    measured, rate = [], FIRST_RATE
    while rate <= LAST_RATE:
        attach.say(f"loss: {rate:,} copies a second")
        measured.append(measured_row(rate))
        # It copies less often than it is asked to: faster it cannot.
        if measured[-1]["lost"] or measured[-1]["came"] < rate * 0.8:
            break
        rate *= FACTOR
    kept = [row["came"] for row in measured if not row["lost"]]
    table.show(f"Copies that each have a record: until the first is lost ({WATCH_S:.0f} s each)",
               HEADING, [[f"{row['rate']:,}", f"{row['came']:,}", f"{row['records']:,}",
                          f"{row['lost']:,}", "exactly" if row["exact"] else "NO",
                          f"{row['own_cpu']:.0%}"] for row in measured])
    if not measured[-1]["lost"]:
        print(f"\n  None was lost: the target came to no more than {max(kept):,} a second.")
    return measured
