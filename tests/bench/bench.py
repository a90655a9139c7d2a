# SPDX-License-Identifier: GPL-2.0-only
"""bench.py [BENCH ...]: what memwatch costs, beside controls and other tools in one run.

Prints tables, and "OVER" where a limit was not held; bench.json in the build's folder has the same.
It fails only where it could not measure.
"""

import json
import os
import sys

import attach
import bench_attach
import bench_flushes
import bench_hits
import bench_loops
import bench_loss
import bench_memory
import bench_minute
import bench_pauses
import bench_programs
import cases

# Those with targets of their own.
SINGLE = {"loops": bench_loops, "flushes": bench_flushes, "programs": bench_programs,
          "hits": bench_hits, "loss": bench_loss, "pauses": bench_pauses, "minute": bench_minute}
BENCHES = ("attach", "memory", *SINGLE)
# Runs a minute for a single figure: only where it is asked for.
ALONE = "minute"
RESULTS = attach.BUILD / "bench.json"


def run_with_cases(chosen):
    results = {}
    attach.say("starting the targets")
    with cases.started() as started:
        if "attach" in chosen:
            results["attach"] = bench_attach.run(started)
        if "memory" in chosen:
            results["memory"] = bench_memory.run(started)
    return results


def run_all(chosen):
    machine = {"processors": os.cpu_count(), "kernel": os.uname().release,
               "load_at_start": os.getloadavg()[0]}
    print(f"{machine['processors']} processors, Linux {machine['kernel']}, "
          f"load {machine['load_at_start']:.1f} at the start.")
    results = {"machine": machine}
    if "attach" in chosen or "memory" in chosen:
        results |= run_with_cases(chosen)
    for name, bench in SINGLE.items():
        if name in chosen:
            results[name] = bench.run()
    return results


def main(chosen):
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        print(f"bench: no bench is called {unknown[0]}; there are {', '.join(BENCHES)}",
              file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("bench: memwatch needs root: sudo make bench", file=sys.stderr)
        return 1
    try:
        results = run_all(chosen or [name for name in BENCHES if name != ALONE])
    except attach.CannotMeasure as reason:
        print(f"bench: could not measure: {reason}", file=sys.stderr)
        return 1
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nAll of it: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
