# SPDX-License-Identifier: GPL-2.0-only
"""Stalls of programs in many languages, as distributions have them, by `memwatch -- PROGRAM`."""

import contextlib
import json
import os
import shutil
import socket
import time

import loops
import memwatch
import pytest
from stalls import AS_IT_IS, check_covered, check_path, names

LONG_NS = 50_000_000
TARGETS = memwatch.ROOT / "tests" / "live" / "targets"


def require(*programs):
    """The first of them that is there."""
    for program in programs:
        if shutil.which(program):
            return shutil.which(program)
    pytest.fail(f"{programs[0]} is not installed: sudo make check brings it")


def launch(program, *arguments, env=None, cwd=None):
    """What was told of the program, and what it printed: the truth."""
    run = memwatch.run(*AS_IT_IS, "--", program, *arguments, cwd=cwd,
                       env=env and {**os.environ, **env})
    assert run.status == 0, run.stderr
    return run, [json.loads(line) for line in run.stdout.splitlines()]


def told_of(run):
    return run.of("stall") + run.of("flush")


def long_stalls(run):
    return [stall for stall in run.of("stall") if stall["duration_ns"] >= LONG_NS]


def by_calls(run):
    return [f for f in run.of("finding") if f["found_by"] == "calls"]


# ---- CPython ----


def test_python(tmp_path):
    """Nobody names the flush; of `write` itself, Debian's python3 has no name."""
    loops.require_lazy_stringio()
    run, truth = launch(loops.PYTHON, loops.write(tmp_path, "filling.py", loops.TIMED_FILL),
                        "300000", "10000")
    check_covered(told_of(run), truth)
    assert len(truth) == 3
    (finding,) = by_calls(run)
    assert abs(finding.get("period_writes", 0) - loops.LIMIT) <= loops.LIMIT / 100, finding
    assert finding["flush"] == "PyUnicode_Join"
    stall = max(run.of("stall"), key=lambda stall: stall["stacks"])
    check_path(stall, "PyUnicode_Join", "_PyEval_EvalFrameDefault", "Py_BytesMain")
    write_at = [frame.get("function_offset") for frame in stall["stack"]].index(
        finding["lazy_caller_offset"])
    assert names(stall).index("PyUnicode_Join") < write_at
    assert write_at < names(stall).index("_PyEval_EvalFrameDefault")


# ---- what grows ----

VECTOR = "std::vector<ledger::Entry, std::allocator<ledger::Entry> >"
GROWING = {
    "growing_cxx": (VECTOR + "::_M_realloc_insert<ledger::Entry const&>",
                    "ledger::Journal<ledger::Entry>::append"),
    "growing_go": ("runtime.growslice", "main.(*journal).add"),
    "growing_rust": ("alloc::raw_vec::RawVec<T,A>::grow_one",
                     "growing_rust::ledger::Journal<T>::append"),
}


@pytest.mark.parametrize("program", GROWING)
def test_growing(program):
    grow, append = GROWING[program]
    run, truth = launch(memwatch.TARGETS / program, 4)
    # Others' slices grow as well: those of fmt.Printf().
    growths = [record for record in told_of(run) if {grow, append} <= set(names(record))]
    for record in growths:
        check_path(record, grow, append)
        assert record["module"] == program and record["stack_end"] == "whole"
    # The others of a function that is watched are like the first one, which has the stack.
    check_covered(growths + [flush for flush in run.of("flush") if flush["function"] == grow],
                  truth, of_each=0, of_all=0.6)
    assert append in [finding.get("lazy_caller") for finding in by_calls(run)]


def test_small_appends():
    """A string's growth stalls; who appends to it copies all the time, and is not to blame."""
    run, truth = launch(memwatch.TARGETS / "appending_cxx", 8)
    check_covered(told_of(run), truth, of_each=0, of_all=0.6)
    # Others may have come to nothing, and say so.
    (finding,) = [f for f in by_calls(run) if {"flush", "lazy_caller"} & f.keys()]
    assert finding["culprit"].endswith("::_M_mutate"), finding
    assert finding["flush"] == finding["culprit"]
    assert finding["lazy_caller"].endswith("::_M_append")


def test_perl():
    """Strings in the heap, one behind the other; of their own, realloc() moves without a copy."""
    run, truth = launch(require("perl"), TARGETS / "growing.pl", 2000,
                        env={"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=4294967296"})
    growths = [record for record in told_of(run) if "Perl_pp_concat" in names(record)]
    for record in growths:
        check_path(record, "Perl_sv_catpvn_flags", "Perl_pp_concat", "Perl_runops_standard", "main")
    check_covered(growths, truth, of_each=0, of_all=0.6)
    assert {stall["module"] for stall in long_stalls(run)} <= {"perl", "libc.so.6"}


# ---- JavaScript ----


def test_node(tmp_path):
    """What is interpreted is named by its trampoline, what V8 has compiled by its perf map."""
    run, truth = launch(require("node", "nodejs"), "--perf-basic-prof", TARGETS / "concat.js", 6,
                        cwd=tmp_path)
    os.unlink(f"/tmp/perf-{run.of('child')[0]['pid']}.map")
    check_covered(run.of("stall"), truth, of_each=0, of_all=0.6)
    stalls = long_stalls(run)
    assert len(stalls) >= 3
    for stall in stalls:
        assert "libc" not in stall.get("module", "") and stall["stack_end"] == "whole"
        found = names(stall)
        assert any(name.startswith("v8::") for name in found)
        assert any("concat.js" in name or "InterpreterEntryTrampoline" in name for name in found)


# ---- servers and databases ----


class Redis:
    """Answers on a socket of its own; from redis-tools, whose program is all of them by its name."""

    def __init__(self, folder):
        self.program = folder / "redis-server"
        self.program.symlink_to(require("redis-server", "redis-check-rdb"))
        self.path = str(folder / "socket")
        self.settings = ["--port", "0", "--unixsocket", self.path, "--save", ""]

    @contextlib.contextmanager
    def connect(self, deadline_s=20):
        end = time.monotonic() + deadline_s
        with socket.socket(socket.AF_UNIX) as connection:
            while connection.connect_ex(self.path) and time.monotonic() < end:
                time.sleep(0.05)
            yield connection

    @staticmethod
    def call(connection, *words):
        connection.sendall(" ".join(map(str, words)).encode() + b"\r\n")
        return connection.recv(4096)


def test_redis(tmp_path):
    """Strings that grow behind each other: what jemalloc can't make longer in place, it copies."""
    redis = Redis(tmp_path)
    with memwatch.Watch(*AS_IT_IS, "--", redis.program, *redis.settings) as watch:
        with redis.connect() as connection:
            for size in (100_000_000, 200_000_000, 300_000_000, 400_000_000):
                for key in ("a", "b"):
                    assert b":" in redis.call(connection, "SETRANGE", key, size, "x")
            redis.call(connection, "SHUTDOWN", "NOSAVE")
        run = watch.finish()
    growths = [record for record in told_of(run) if "setrangeCommand" in names(record)]
    assert sum(record["copied_bytes"] >= 100_000_000 for record in growths) >= 3
    for record in growths:
        check_path(record, "zrealloc_usable", "_sdsMakeRoomFor", "sdsgrowzero", "setrangeCommand",
                   "call", "processCommand", "main")
        assert record["module"].startswith("libjemalloc")


def test_sqlite(tmp_path):
    """A long text grows by a letter."""
    script = tmp_path / "growing.sql"
    script.write_text("CREATE TABLE log(text); INSERT INTO log VALUES(hex(zeroblob(75000000)));"
                      + 3 * "UPDATE log SET text = text || 'x';")
    run, _ = launch(require("sqlite3"), ":memory:", f".read {script}")
    stalls = long_stalls(run)
    assert len(stalls) >= 3
    for stall in stalls:
        assert stall["module"].startswith("libsqlite3") and stall["stack_end"] == "whole"
        check_path(stall, "sqlite3_step", "__libc_start_main")
