# SPDX-License-Identifier: GPL-2.0-only
"""How long a busy python3 stands still while memwatch attaches to it and detaches from it."""

import json
import pathlib
import signal
import statistics
import time

import attach
import table

ROUNDS = 15
SCRIPT = pathlib.Path(__file__).parent / "targets" / "gaps.py"
# An attach: from memwatch's start until 10 ms after its probes were live. A detach: from the
# signal that ends it until its end.
AFTER_LIVE_NS = 10_000_000
QUIET_S = 0.1
# As long as an attach takes, and a detach.
ALONE_S = 0.07
HEADING = ["meanwhile", "longest pause", "lay between", "all pauses"]


def gaps_of(target):
    target.process.send_signal(signal.SIGUSR1)
    return json.loads(target.process.stdout.readline())


def inside(gaps, first_ns, last_ns):
    """The longest of the gaps in a stretch of time, and the sum of all."""
    lengths = [length for start_ns, length in gaps
               if start_ns + length > first_ns and start_ns < last_ns]
    return max(lengths, default=0), sum(lengths)


def disturb(target, pid):
    """Attaches to pid; gives what the target lost meanwhile: while attaching, while detaching."""
    gaps_of(target)
    with attach.Attached([pid]) as attached:
        time.sleep(QUIET_S)
    time.sleep(QUIET_S)
    gaps = gaps_of(target)
    return (inside(gaps, attached.start_ns, attached.live_ns + AFTER_LIVE_NS),
            inside(gaps, attached.interrupt_ns, attached.exit_ns))


def leave_alone(target):
    gaps_of(target)
    first_ns = attach.now_ns()
    time.sleep(ALONE_S)
    last_ns = attach.now_ns()
    time.sleep(QUIET_S)
    return inside(gaps_of(target), first_ns, last_ns)


def row(name, lost):
    longest, together = zip(*lost)
    return [name, *table.spread(longest), table.time_text(statistics.median(together))]


def measure(work):
    rounds = {f"{event} {whose}": [] for event in ("attach to", "detach from")
              for whose in ("another process", "it")}
    alone = []
    with attach.Target(attach.PYTHON, SCRIPT, work) as target, \
            attach.Target(attach.BUILD / "bench" / "idle") as other:
        for count in range(ROUNDS):
            attach.say(f"pauses, {work}: round {count + 1} of {ROUNDS}")
            alone.append(leave_alone(target))
            for whose, pid in (("another process", other.pid), ("it", target.pid)):
                attaching, detaching = disturb(target, pid)
                rounds[f"attach to {whose}"].append(attaching)
                rounds[f"detach from {whose}"].append(detaching)
    return {f"nothing, {ALONE_S * 1000:.0f} ms (the control)": alone} | rounds


def run():
    results = {}
    for work, title in (("look", "that reads the clock"), ("map", "that maps and unmaps memory")):
        results[work] = measure(work)
        table.show(f"Pauses over 50 us of a busy python3 {title} (medians of {ROUNDS} rounds)",
                   HEADING, [row(name, lost) for name, lost in results[work].items()])
    print("\n  Attaching to another process takes the same processor time, but sets no probe here.")
    return results
