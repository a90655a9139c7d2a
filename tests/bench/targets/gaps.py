# SPDX-License-Identifier: GPL-2.0-only
"""gaps.py look|map: does one thing all the time, and writes down when it was not let run.

look: reads the clock, nothing else. map: takes fresh memory and gives it back, too, which waits for
the lock that the kernel holds while it sets a probe. On SIGUSR1 the gaps come out as JSON.
"""

import json
import mmap
import signal
import sys
import time

# Between two looks lie 0.1 us, with memory taken between them 10: an interrupt takes some.
SHORTEST_NS = 50_000

asked = False


def ask(*_):
    global asked
    asked = True


def nothing():
    pass


def take_memory():
    with mmap.mmap(-1, 4 * mmap.PAGESIZE) as memory:
        memory[0] = 1


def look(work):
    global asked
    gaps, last_ns = [], time.monotonic_ns()
    while True:
        work()
        now_ns = time.monotonic_ns()
        if now_ns - last_ns >= SHORTEST_NS:
            gaps.append((last_ns, now_ns - last_ns))
        last_ns = now_ns
        if asked:
            asked = False
            print(json.dumps(gaps), flush=True)
            gaps, last_ns = [], time.monotonic_ns()


signal.signal(signal.SIGUSR1, ask)
print("ready", flush=True)
look({"look": nothing, "map": take_memory}[sys.argv[1]])
