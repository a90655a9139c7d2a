# SPDX-License-Identifier: GPL-2.0-only
"""bench.py [attach|memory|pauses ...]: what memwatch's start costs, beside controls of one run.

Prints tables, and "OVER" where a limit was not held. It fails only where it could not measure.
"""

import os
import sys

import attach
import bench_attach
import bench_memory
import bench_pauses
import cases

BENCHES = ("attach", "memory", "pauses")


def main(chosen):
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        print(f"bench: no bench is called {unknown[0]}; there are {', '.join(BENCHES)}",
              file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("bench: memwatch needs root: sudo make bench", file=sys.stderr)
        return 1
    chosen = chosen or BENCHES
    print(f"{os.cpu_count()} processors, Linux {os.uname().release}, "
          f"load {os.getloadavg()[0]:.1f} at the start.")
    try:
        if "attach" in chosen or "memory" in chosen:
            attach.say("starting the targets")
            with cases.started() as started:
                if "attach" in chosen:
                    bench_attach.run(started)
                if "memory" in chosen:
                    bench_memory.run(started)
        if "pauses" in chosen:
            bench_pauses.run()
    except attach.CannotMeasure as reason:
        print(f"bench: could not measure: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
