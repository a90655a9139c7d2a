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
HEADING = ["memwatch", "copied", "counted", "told of", "lost", "the cost of it", ""]
# A gate, not the entry; then, so that each copy makes a record besides.
CASES = (("--gate", "2K"), ("--gate", "2K", "--min-bytes", "4K"))


def launch(folder, options):
    """Gives the target's own count, memwatch's summary, and how many copies it has told of."""
    path = os.path.join(folder, "records.jsonl")
    attach.say(f"minute: {RATE:,} copies a second for {SECONDS} s, {' '.join(options)}")
    done = subprocess.run([attach.MEMWATCH, *options, "--json", path, "-o", os.devnull, "--",
                           COPIES, str(SIZE), "rate", str(RATE), "for", str(SECONDS)],
                          capture_output=True, text=True)
    said = [line.split() for line in done.stdout.splitlines() if line.startswith("copies")]
    if done.returncode or not said:
        raise attach.CannotMeasure(f"the minute ended with {done.returncode}: {done.stderr}")
    told, last = 0, ""
    with open(path) as lines:
        for last in lines:
            # Millions of them: they are not parsed.
            told += last.startswith('{"type":"copy"')
    os.unlink(path)
    return int(said[0][1]), tools.summary([json.loads(last)]), told


def counted_copies(summary):
    """Those of the size that the loop has: libc's own and the loader's are smaller."""
    return sum(size["copies"] for size in summary["size_classes"] if size["from_bytes"] >= SIZE)


def verdict_of(case):
    """Each copy is counted; each that makes a record is told of, or counted as lost."""
    if case["counted"] != case["made"] or case["told"] + case["lost"] != case["large_copies"]:
        return "OFF"
    return "accounted for" if case["lost"] else "exact"


def run_case(options):
    with tempfile.TemporaryDirectory(prefix="memwatch-bench-") as folder:
        made, summary, told = launch(folder, options)
    case = {"options": list(options), "made": made, "counted": counted_copies(summary),
            "large_copies": summary["large_copies"], "told": told,
            "lost": summary["lost_events"],
            "overhead_pct": summary["overhead_pct"]}
    return case | {"verdict": verdict_of(case)}


def run():
    cases = [run_case(options) for options in CASES]
    table.show(f"{RATE:,} copies of {SIZE >> 10} KiB a second for {SECONDS} s", HEADING,
               [[" ".join(case["options"]), f"{case['made']:,}", f"{case['counted']:,}",
                 f"{case['told']:,}", f"{case['lost']:,}", f"{case['overhead_pct']:.1f} %",
                 case["verdict"]] for case in cases])
    return cases
