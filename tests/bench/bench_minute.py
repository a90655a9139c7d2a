# SPDX-License-Identifier: GPL-2.0-only
"""200,000 gated copies a second for a minute: each must be counted, or counted as lost."""

import json
import os
import subprocess
import tempfile

import attach
import table
import tools

COPIES = attach.BUILD / "bench" / "copies"
SIZE = 4096
RATE = 200_000
SECONDS = 60
HEADING = ["copied", "a second", "counted", "lost events", "the cost of it", ""]


def launch(folder):
    """Gives the target's own count and memwatch's summary."""
    path = os.path.join(folder, "records.jsonl")
    attach.say(f"minute: {RATE:,} copies a second for {SECONDS} s")
    done = subprocess.run([attach.MEMWATCH, "--budget", "none", "--json", path, "-o",
                           os.devnull, "--", COPIES, str(SIZE), "rate", str(RATE), "for",
                           str(SECONDS)], capture_output=True, text=True)
    said = [line.split() for line in done.stdout.splitlines() if line.startswith("copies")]
    if done.returncode or not said:
        raise attach.CannotMeasure(f"the minute ended with {done.returncode}: {done.stderr}")
    with open(path) as lines:
        return int(said[0][1]), tools.summary([json.loads(line) for line in lines])


def counted_copies(summary):
    """Those of the size that the loop has: libc's own and the loader's are smaller."""
    return sum(size["copies"] for size in summary["size_classes"] if size["from_bytes"] >= SIZE)


def run():
    with tempfile.TemporaryDirectory(prefix="memwatch-bench-") as folder:
        made, summary = launch(folder)
    counted, lost = counted_copies(summary), summary["lost_events"]
    verdict = "exact" if counted == made and not lost else \
        "accounted for" if counted + lost == made else "OFF"
    table.show(f"{RATE:,} copies of {SIZE >> 10} KiB a second for {SECONDS} s, memwatch "
               "--budget none", HEADING,
               [[f"{made:,}", f"{made / SECONDS:,.0f}", f"{counted:,}", f"{lost:,}",
                 f"{summary['overhead_pct']:.1f} %", verdict]])
    return {"made": made, "counted": counted, "lost": lost,
            "overhead_pct": summary["overhead_pct"], "verdict": verdict}
