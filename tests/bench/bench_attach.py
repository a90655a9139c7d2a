# SPDX-License-Identifier: GPL-2.0-only
"""The time from memwatch's start until the last process' probes are live."""

import statistics

import attach
import table

ROUNDS = 7
HEADING = ["attach to", "median", "lay between", "to control", "detach", "limit", ""]


def measure(case):
    """Gives how long it took to attach and to detach, and memwatch's exit status."""
    with attach.Attached(case.pids, *case.arguments) as attached:
        ready_ns = attached.said_ns(case.said) if case.said else attached.live_ns
    return (ready_ns - attached.start_ns, attached.exit_ns - attached.interrupt_ns,
            attached.status)


def row(case, taken, control):
    attaching, detaching, statuses = zip(*taken)
    limit_ns = case.limit_ms * 1_000_000 if case.limit_ms else None
    verdict = table.verdict(statistics.median(attaching), limit_ns)
    # A name that is not there fails the watch: as it should where that is what is measured.
    if set(statuses) != {1 if case.said else 0}:
        verdict = f"exit status {max(statuses)}"
    return [case.name, *table.spread(attaching), table.ratio(attaching, control),
            table.time_text(statistics.median(detaching)),
            table.time_text(limit_ns) if limit_ns else "", verdict]


def run(cases):
    taken = {case.name: [] for case in cases}
    alone = []
    # A round more, the first, which counts for nothing: it brings the files into the page cache.
    for count in range(ROUNDS + 1):
        attach.say(f"attach: round {count} of {ROUNDS}")
        version_ns = attach.version_ns()
        if count:
            alone.append(version_ns)
        for case in cases:
            times = measure(case)
            if count:
                taken[case.name].append(times)
    control = [attaching for attaching, _, _ in taken[cases[0].name]]
    rows = [["memwatch --version (its start alone)", *table.spread(alone),
             table.ratio(alone, control), "", "", ""]]
    rows += [row(case, taken[case.name], control) for case in cases]
    table.show(f"Time until all probes are live (medians of {ROUNDS} interleaved rounds, files in "
               "the page cache)", HEADING, rows)
    return {name: {"attach_ns": [times[0] for times in rounds],
                   "detach_ns": [times[1] for times in rounds]}
            for name, rounds in taken.items()}
