# SPDX-License-Identifier: GPL-2.0-only
"""What memory memwatch holds while it is attached."""

import statistics

import attach
import memory
import table

ROUNDS = 3
LIMIT_BYTES = 32 << 20
HEADING = ["MiB, attached to", "own", "own, most", "files", "ring", "resident, most", "limit", ""]


def measure(case):
    watches = []

    def watch(pid):
        watches.append(memory.PeakWatch(pid))
        watches[0].start()

    with attach.Attached(case.pids, *case.arguments, started=watch) as attached:
        try:
            if case.said:
                attached.said_ns(case.said)
            figures = memory.of(attached.process.pid)
        finally:
            peak = watches[0].finish()
    # It may have been between two looks.
    figures["peak"] = max(peak, figures["own"])
    return figures


def row(case, taken):
    def median(name):
        return statistics.median(figures[name] for figures in taken)

    # Before the peak: memory that it gave back counts as well.
    return [case.name, *(table.mib(median(name)) for name in
                         ("own", "peak", "files", "ring", "peak_resident")),
            table.mib(LIMIT_BYTES), table.verdict(median("peak"), LIMIT_BYTES)]


def run(cases):
    taken = {case.name: [] for case in cases}
    for count in range(ROUNDS):
        attach.say(f"memory: round {count + 1} of {ROUNDS}")
        for case in cases:
            taken[case.name].append(measure(case))
    table.show(f"Memwatch's memory while attached (medians of {ROUNDS} rounds; files: page cache, "
               "which the kernel can take back)", HEADING,
               [row(case, taken[case.name]) for case in cases])
    some = taken[cases[0].name][0]
    rings = " and ".join(f"{size >> 10:,} KiB" for size in some["rings"])
    print(f"\n  The rings: {rings}, each mapped twice: {table.mib(some['ring_mapped'])} MiB of "
          f"address space.\n  The kernel's memory for the other BPF maps: "
          f"{table.mib(some['maps'])} MiB.")
    return taken
