# SPDX-License-Identifier: GPL-2.0-only
"""One process, untraced and traced in turn, one tool after the other."""

import os
import re
import shutil
import statistics
import subprocess
import time
from typing import NamedTuple

import attach
import peers
import slices
import stats
import table
import tools

MIB = 1 << 20
# Untraced, traced, untraced: as long as this each, and no less than so many slices. On a machine
# that has other work, many short rounds tell more than a few long ones.
STRETCH_S = 0.12
SETTLE_S = 0.05
# Most of all rounds are those of the control and of memwatch by default, which are close to each
# other: until the control is as tight as that, or so long.
ROUNDS_LEAST, ROUNDS_MOST = 8, 40
TIGHT = 0.003
CASE_S = 15
PEER_ROUNDS = 2
FLUSHES_PEER_ROUNDS = 1
EXACT_ROUNDS = 4
CREDIT_FLUSHES = 2
VALGRIND = "valgrind --tool=dhat --mode=copy"
VALGRIND_S = 60
HEADING = ["", "took", "ratio", "median within", "rounds lay", "by wall clock", "rounds", "live in",
           "own CPU", "seen", "not counted", "first 2", "limit", ""]


class Case(NamedTuple):
    title: str
    command: tuple
    alone: tuple                  # more arguments: it ends by itself after a second or so
    kind: str = "copies"          # of its slices
    count: int = 2                # slices of a stretch
    settle_s: float = SETTLE_S    # of memwatch by default, whose budget takes a while
    limit: float | None = None    # of memwatch by default
    arguments: tuple = ()         # memwatch's
    flush_bytes: int = 0          # each slice is a flush that copies so much
    environment: dict = {}
    case_s: float = CASE_S


class Taken:
    """What the rounds of one tool gave.

    made, seen: how many large copies or flushes there were while it was attached, and how many of
    them it told rightly; gated: of how many flushes it said that their bytes are a lower bound;
    first_*: of the first flushes after each attach.
    """

    def __init__(self):
        self.ns, self.ratios, self.wall_ratios = [], [], []
        self.live_ns, self.own_cpu, self.overhead_pct = [], [], []
        self.made = self.seen = self.gated = self.first_made = self.first_seen = 0
        self.unavailable = None


def all_names():
    return ["nothing", tools.CONTROL, *(tool.name for tool in (*tools.MEMWATCHES, *peers.PEERS)),
            VALGRIND]


def count_large(large, attached, taken):
    """Each large copy that began and ended under memwatch has a record of that time."""
    starts = [record["start_ns"] for record in attached.final
              if record["type"] == "copy" and record["bytes"] == MIB]
    for first_ns, last_ns in large:
        if first_ns >= attached.live_ns and last_ns <= attached.interrupt_ns:
            taken.made += 1
            taken.seen += any(first_ns <= start_ns <= last_ns for start_ns in starts)


def is_gated(record, flush_bytes):
    """It says that the budget kept copies out of its count, and counts no more than there were."""
    return bool(record.get("partly_counted") or record.get("gate_raised")) and \
        record.get("copied_bytes", 0) <= flush_bytes


def count_flushes(pieces, flush_bytes, attached, taken):
    """Each flush has one record that began within it: exact, or said to be a lower bound."""
    records = [record for record in attached.final if record["type"] == "flush"]
    whole = stats.within(pieces, attached.live_ns, attached.interrupt_ns)
    for index, piece in enumerate(whole):
        mine = [record for record in records
                if piece.start_ns <= record["start_ns"] <= piece.end_ns]
        is_exact = len(mine) == 1 and mine[0].get("copied_bytes") == flush_bytes and \
            not mine[0].get("estimated")
        taken.made += 1
        taken.seen += is_exact
        taken.gated += not is_exact and len(mine) == 1 and is_gated(mine[0], flush_bytes)
        if index < CREDIT_FLUSHES:
            taken.first_made += 1
            taken.first_seen += is_exact


def settle(tool, case, target):
    if case.flush_bytes and isinstance(tool, tools.Memwatch):
        target.take(0, CREDIT_FLUSHES, [case.kind])
    is_default = getattr(tool, "name", None) == tools.DEFAULT
    time.sleep(case.settle_s if is_default else SETTLE_S)


def measure(tool, case, target, place, taken):
    """The slices of the target under the tool."""
    is_peer = isinstance(tool, peers.Peer)
    count = 1 if is_peer and case.flush_bytes else case.count
    # A flush that is under way when the probes come would draw on the starting credit, too.
    begins_between = case.flush_bytes and isinstance(tool, tools.Memwatch)
    if begins_between:
        target.stop()
    with tools.attached(tool, target, place, case.arguments) as attached:
        if begins_between:
            target.go_on()
        settle(tool, case, target)
        measured = target.take(STRETCH_S, count, [case.kind])[case.kind]
    if is_peer and not attached.seen:
        raise peers.Unavailable("it saw no copy")
    if tool == tools.CONTROL:
        return measured
    taken.live_ns.append(attached.live_ns - attached.start_ns)
    taken.own_cpu.append((attached.cpu_ns - attached.live_cpu_ns) /
                         (attached.interrupt_ns - attached.live_ns))
    if isinstance(tool, tools.Memwatch):
        taken.overhead_pct.append(tools.summary(attached.final).get("overhead_pct", 0))
        count_large(list(target.large), attached, taken)
        if case.flush_bytes:
            count_flushes(list(target.slices[case.kind]), case.flush_bytes, attached, taken)
    return measured


def measure_valgrind(case):
    """A process of its own: valgrind attaches to none."""
    if not shutil.which("valgrind"):
        raise peers.Unavailable("valgrind is not installed")
    command = [*VALGRIND.split(), "--dhat-out-file=/dev/null", *case.command, *case.alone]
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              env=os.environ | case.environment, timeout=VALGRIND_S)
    except subprocess.TimeoutExpired:
        raise peers.Unavailable(f"it took more than {VALGRIND_S} s") from None
    measured = [stats.Slice(*map(int, line.split()[2:])) for line in done.stdout.splitlines()
                if line.startswith("slice")]
    if done.returncode or not measured:
        raise peers.Unavailable(peers.last_line(done.stderr))
    if not re.search(r"Total: +[\d,]*[1-9]", done.stderr):
        raise peers.Unavailable("it saw no copy")
    # The first slice has valgrind's translation of the code in it.
    return measured[1:] or measured


def peer_rounds(case):
    return FLUSHES_PEER_ROUNDS if case.flush_bytes else PEER_ROUNDS


def tools_of_round(case, count):
    """The slow ones, whose ratios are large, take part in the first rounds alone."""
    default, exact = tools.MEMWATCHES
    chosen = [tools.CONTROL, default]
    if count < EXACT_ROUNDS:
        chosen.append(exact)
    if count < peer_rounds(case):
        chosen += [*peers.PEERS, VALGRIND]
    return stats.order(chosen, count)


def run_round(case, count, target, place, taken):
    def untraced():
        pieces = target.take(STRETCH_S, case.count, [case.kind])[case.kind]
        taken["nothing"].ns.append(stats.cpu_ns_per_copy(pieces))
        return pieces

    before = untraced()
    for tool in tools_of_round(case, count):
        mine = taken[getattr(tool, "name", tool)]
        if mine.unavailable:
            continue
        try:
            measured = measure_valgrind(case) if tool == VALGRIND else \
                measure(tool, case, target, place, mine)
        except peers.Unavailable as reason:
            mine.unavailable = str(reason)
            continue
        after = untraced()
        stats.add_round(mine, before, measured, after)
        before = after


def run_case(case, place):
    taken = {name: Taken() for name in all_names()}
    with slices.SlicingTarget(*case.command, environment=os.environ | case.environment) as target:
        # The first ones have first touch in them.
        target.take(STRETCH_S, case.count, [case.kind])
        target.memmove_addr = peers.address_of(place, target.pid)
        end = None
        for count in range(ROUNDS_MOST):
            attach.say(f"{case.title}: round {count + 1}")
            if count == peer_rounds(case):
                end = time.monotonic() + case.case_s
            run_round(case, count, target, place, taken)
            if count + 1 >= stats.LEAST_ROUNDS and time.monotonic() > end:
                break
            if count + 1 >= ROUNDS_LEAST and \
                    stats.is_tight(taken[tools.CONTROL].ratios, TIGHT):
                break
    return taken


def median_text(values, text):
    return text(statistics.median(values)) if values else ""


def of_text(seen, made):
    return f"{seen:,} of {made:,}" if made else ""


def row(case, name, taken):
    took = table.ns_text(statistics.median(taken.ns))
    if not taken.ratios:
        return [name, took, *[""] * (len(HEADING) - 2)]
    ratio = stats.ratio_of(taken.ratios)
    limit = case.limit if name == tools.DEFAULT else None
    verdict = table.verdict(ratio.median, limit)
    if taken.seen + taken.gated < taken.made or taken.first_seen < taken.first_made:
        verdict = "MISSED"
    return [name, took, *table.ratio_cells(ratio),
            table.ratio_text(statistics.median(taken.wall_ratios)), str(ratio.rounds),
            median_text(taken.live_ns, table.time_text),
            median_text(taken.own_cpu, lambda share: f"{share:.1%}"),
            of_text(taken.seen, taken.made), of_text(taken.gated, taken.made),
            of_text(taken.first_seen, taken.first_made),
            f"{limit:.2f}" if limit else "", verdict]


def as_json(taken):
    if taken.unavailable:
        return {"unavailable": taken.unavailable}
    result = {"took_ns": statistics.median(taken.ns)}
    if taken.ratios:
        result |= {"ratio": stats.ratio_of(taken.ratios)._asdict(),
                   "wall_ratio": stats.ratio_of(taken.wall_ratios)._asdict(),
                   "ratios": taken.ratios}
    for name in ("live_ns", "own_cpu", "overhead_pct"):
        if getattr(taken, name):
            result[name] = statistics.median(getattr(taken, name))
    if taken.made:
        result |= {name: getattr(taken, name)
                   for name in ("made", "seen", "gated", "first_made", "first_seen")}
    return result


def show(case, taken):
    table.show(f"{case.title} (processor time of each; ratios to the untraced slices just before "
               "and after)", HEADING, [row(case, name, mine) for name, mine in taken.items()
                         if mine.ns and not mine.unavailable])
    for name, mine in taken.items():
        if mine.unavailable:
            print(f"  {name}: {mine.unavailable}")


def run(cases):
    place, results = peers.resolved_place(), {}
    for case in cases:
        taken = run_case(case, place)
        show(case, taken)
        results[case.title] = {name: as_json(mine) for name, mine in taken.items()}
    return results
