# SPDX-License-Identifier: GPL-2.0-only
"""Everyday work, a compiler and a sort, launched in turn under nothing and under each tool."""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from typing import NamedTuple

import attach
import peers
import stats
import table
import tools
from sidebyside import VALGRIND, all_names

TIMED = attach.BUILD / "bench" / "timed"
ROUNDS_LEAST, ROUNDS_MOST = 6, 20
PROGRAM_S = 15
TIGHT = 0.005
EXACT_ROUNDS = 4
PEER_ROUNDS = 1
SORTED_LINES = 300_000
HEADING = ["", "took", "ratio", "median within", "rounds lay", "by wall clock", "rounds",
           "own account"]


class Program(NamedTuple):
    title: str
    command: list


class Taken:
    """What the rounds of one tool gave."""

    def __init__(self):
        self.ns, self.ratios, self.wall_ratios, self.overhead_pct = [], [], [], []
        self.unavailable = None


def text_to_sort():
    """The same lines each time."""
    path = attach.BUILD / "bench" / "lines.txt"
    if not path.exists():
        numbers = random.Random(1)
        path.write_text("".join(f"{numbers.getrandbits(64):020} {'x' * numbers.randrange(60)}\n"
                                for _ in range(SORTED_LINES)))
    return path


def all_programs():
    root = attach.ROOT
    source = max((root / "user").glob("*/*.c"), key=lambda path: path.stat().st_size)
    return (
        Program(f"gcc -O2 -c {source.name}",
                ["gcc", "-O2", "-c", "-D_GNU_SOURCE", f"-I{root}", f"-I{root / 'user'}",
                 f"-I{attach.BUILD}", "-o", "/dev/null", source]),
        Program(f"sort of {SORTED_LINES:,} lines, LC_ALL=C",
                ["env", "LC_ALL=C", "sort", "--parallel=1", "-o", "/dev/null", text_to_sort()]),
    )


def wrapped(tool, command, records):
    """The command under the tool; why not, where a peer cannot."""
    if isinstance(tool, tools.Memwatch):
        return [attach.MEMWATCH, *tool.arguments, "--json", records, "-o", os.devnull, "--",
                *command]
    if tool == VALGRIND:
        if not shutil.which("valgrind"):
            raise peers.Unavailable("valgrind is not installed")
        return [*VALGRIND.split(), "--trace-children=yes", "--dhat-out-file=/dev/null", *command]
    if isinstance(tool, peers.Peer):
        # With a pid they miss what the command starts; without one, all processes of the machine
        # would pay.
        raise peers.Unavailable("its uprobes do not follow into what the command starts")
    return command


def launch(tool, program, folder):
    """Gives the run's time as a slice, and memwatch's summary."""
    out, records = os.path.join(folder, "out"), os.path.join(folder, "records.jsonl")
    command = wrapped(tool, [TIMED, out, *program.command], records)
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode:
        reason = f"{peers.last_line(done.stderr)} (status {done.returncode})"
        raise peers.Unavailable(reason) if tool == VALGRIND else attach.CannotMeasure(reason)
    if tool == VALGRIND and not re.search(r"Total: +[\d,]*[1-9]", done.stderr):
        raise peers.Unavailable("it saw no copy")
    with open(out) as line:
        taken = [stats.Slice(*map(int, line.read().split()[2:]))]
    if not isinstance(tool, tools.Memwatch):
        return taken, None
    with open(records) as lines:
        return taken, tools.summary([json.loads(line) for line in lines])


def run_round(program, count, folder, taken, before):
    default, exact = tools.MEMWATCHES
    chosen = [tools.CONTROL, default]
    if count < EXACT_ROUNDS:
        chosen.append(exact)
    if count < PEER_ROUNDS:
        chosen += [*peers.PEERS, VALGRIND]
    for tool in stats.order(chosen, count):
        mine = taken[getattr(tool, "name", tool)]
        try:
            measured, summary = launch(tool, program, folder)
        except peers.Unavailable as reason:
            mine.unavailable = str(reason)
            continue
        after, _ = launch(None, program, folder)
        stats.add_round(mine, before, measured, after)
        if summary:
            mine.overhead_pct.append(summary["overhead_pct"])
        taken["nothing"].ns.append(stats.cpu_ns_per_copy(after))
        before = after
    return before


def run_program(program):
    taken = {name: Taken() for name in all_names()}
    end = time.monotonic() + PROGRAM_S
    with tempfile.TemporaryDirectory(prefix="memwatch-bench-") as folder:
        # The first run brings the files into the page cache.
        for _ in range(2):
            before, _ = launch(None, program, folder)
        for count in range(ROUNDS_MOST):
            attach.say(f"{program.title}: round {count + 1}")
            before = run_round(program, count, folder, taken, before)
            if count + 1 >= ROUNDS_LEAST and (
                    time.monotonic() > end or
                    stats.is_tight(taken[tools.CONTROL].ratios, TIGHT)):
                break
    return taken


def row(name, taken):
    took = table.time_text(statistics.median(taken.ns))
    if not taken.ratios:
        return [name, took, *[""] * (len(HEADING) - 2)]
    ratio = stats.ratio_of(taken.ratios)
    own = f"{statistics.median(taken.overhead_pct):.1f} %" if taken.overhead_pct else ""
    return [name, took, *table.ratio_cells(ratio),
            table.ratio_text(statistics.median(taken.wall_ratios)), str(ratio.rounds), own]


def as_json(taken):
    if taken.unavailable:
        return {"unavailable": taken.unavailable}
    result = {"took_ns": statistics.median(taken.ns)}
    if taken.ratios:
        result |= {"ratio": stats.ratio_of(taken.ratios)._asdict(),
                   "wall_ratio": stats.ratio_of(taken.wall_ratios)._asdict(),
                   "ratios": taken.ratios}
    if taken.overhead_pct:
        result["overhead_pct"] = statistics.median(taken.overhead_pct)
    return result


def run():
    results = {}
    for program in all_programs():
        taken = run_program(program)
        table.show(f"{program.title} (processor time with its children; ratios to the untraced "
                   "runs before and after)", HEADING,
                   [row(name, mine) for name, mine in taken.items() if not mine.unavailable])
        for name, mine in taken.items():
            if mine.unavailable:
                print(f"  {name}: {mine.unavailable}")
        results[program.title] = {name: as_json(mine) for name, mine in taken.items()}
    return results
