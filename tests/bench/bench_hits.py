# SPDX-License-Identifier: GPL-2.0-only
"""What a hit costs the target: on a gate, and by the same BPF program on a one-byte nop."""

import statistics
import time

import attach
import slices
import stats
import table

HITS = attach.BUILD / "bench" / "hits"
KINDS = ("nop", "gate", "libc")
NAMES = {"nop": "a one-byte nop (the control)", "gate": "the gate of a routine of its own",
         "libc": "the gate of libc's memmove"}
ROUNDS_LEAST, ROUNDS_MOST = 6, 30
TIGHT = 0.01
BENCH_S = 20
STRETCH_S = 0.5
SETTLE_S = 0.1
LIMIT = 1.15
# The nop's routine has no gate: under --gate N its probe is at its entry all the same.
GATE = ("--gate", "2K")
WATCH = ("--copy", "nop_copy", "--copy", "gate_copy")
HEADING = ["a probe on", "a hit", "ratio", "median within", "rounds lay", "rounds", "limit", ""]


def costs(target):
    """What a hit of each kind costs: slices under the probes less the untraced ones around them."""
    def per_copy(taken):
        return {kind: stats.cpu_ns_per_copy(taken[kind]) for kind in KINDS}

    before = per_copy(target.take(STRETCH_S, kinds=KINDS))
    with attach.Attached([target.pid], *WATCH, *GATE):
        time.sleep(SETTLE_S)
        traced = per_copy(target.take(STRETCH_S, kinds=KINDS))
    after = per_copy(target.take(STRETCH_S, kinds=KINDS))
    return {kind: traced[kind] - (before[kind] + after[kind]) / 2 for kind in KINDS}


def rows(rounds):
    for kind in KINDS:
        cost = table.ns_text(statistics.median(costs[kind] for costs in rounds))
        if kind == "nop":
            yield [NAMES[kind], cost, *[""] * 6]
            continue
        ratio = stats.ratio_of([costs[kind] / costs["nop"] for costs in rounds])
        yield [NAMES[kind], cost, *table.ratio_cells(ratio), str(ratio.rounds), f"{LIMIT:.2f}",
               table.verdict(ratio.median, LIMIT)]


def run():
    rounds = []
    with slices.SlicingTarget(HITS) as target:
        end = time.monotonic() + BENCH_S
        while len(rounds) < ROUNDS_MOST and time.monotonic() < end:
            attach.say(f"hits: round {len(rounds) + 1}")
            rounds.append(costs(target))
            if len(rounds) >= ROUNDS_LEAST and all(
                    stats.is_tight([costs[kind] / costs["nop"] for costs in rounds], TIGHT)
                    for kind in KINDS[1:]):
                break
    table.show(f"What a hit costs the target, memwatch {' '.join(GATE)}, copies of 4 KiB "
               "(traced less untraced slices)", HEADING, rows(rounds))
    return {"options": GATE, "cost_ns": {kind: [costs[kind] for costs in rounds]
                                            for kind in KINDS}}
