# SPDX-License-Identifier: GPL-2.0-only
"""stringio.py [FLUSHES]: writes lines of 10 kB into a StringIO, 100,000 again and again.

Each 100,000th write joins them. What it took becomes a slice (slices.h). On SIGUSR1 it stops after
that.
"""

import io
import itertools
import signal
import sys
import time

LINES = 100_000
LINE = "x" * 10_000

stops = []
signal.signal(signal.SIGUSR1, lambda number, frame: stops.append(signal.SIGSTOP))
flushes = int(sys.argv[1]) if len(sys.argv) > 1 else None
print("ready", flush=True)
for count in itertools.count():
    if count == flushes:
        break
    # With the one before it, its memory goes back: to malloc, which keeps it if it is told to.
    text = None
    text = io.StringIO()
    for _ in range(LINES - 1):
        text.write(LINE)
    start_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
    text.write(LINE)
    cpu_ns = time.thread_time_ns() - cpu_ns
    print("slice flush", start_ns, time.monotonic_ns(), cpu_ns, 1, flush=True)
    if stops:
        signal.raise_signal(stops.pop())
