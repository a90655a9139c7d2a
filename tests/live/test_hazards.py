# SPDX-License-Identifier: GPL-2.0-only
"""What confuses or kills targets under other tracers (design, 4.4): figures exact, none harmed."""

import collections
import json
import os
import re
import signal
import subprocess

import pytest

import memwatch

FIGURES = ("calls", "ended", "copied_bytes", "copies")
EVERY_CALL = "--min-time=1ns"


def target(name):
    return memwatch.TARGETS / name


def flush(*functions):
    return [f"--flush={function}" for function in functions]


def truth_of(run, field):
    """The lines of the target's truth that have a field. memwatch's own report is on stderr."""
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [line for line in lines if field in line]


def watch(command, functions, *options):
    run = memwatch.run(*options, *flush(*functions), "--", target(command[0]), *command[1:])
    assert run.status == 0, run.stderr
    return run


def assert_nothing_lost(run):
    assert run.summary["lost_events"] == 0
    assert "warning" not in run.stderr


def assert_figures(run, functions):
    truths = truth_of(run, "function")
    assert sorted(truth["function"] for truth in truths) == sorted(functions)
    for truth in truths:
        seen = run.function(truth["function"])
        expected = {field: truth[field] for field in FIGURES if field in truth}
        assert {field: seen[field] for field in expected} == expected
        assert seen["lost"] == 0
    assert_nothing_lost(run)


def assert_all_ended(run, functions):
    for function in functions:
        seen = run.function(function)
        assert (seen["unfinished"], seen["abandoned"]) == (0, 0)


# Target and arguments, watched functions. What the target tells must be what memwatch counted.
EXACT = {
    "recursion": (["calls", "recursion", 5], ["recurse"]),
    "nested": (["calls", "nested", 200], ["outer", "inner"]),
    "tail jump to a watched function": (["calls", "tail", 200], ["jumper", "inner"]),
    "tail jump to memcpy": (["calls", "tail_memcpy", 200], ["copier"]),
    "rets, jump table, cold part": (["calls", "shapes", 420], ["shaped", "chilly"]),
    "64 threads": (["crowd", "hammer", 64, 1000], ["handle"]),
    "2000 threads in turn": (["crowd", "pool", 2000], ["handle"]),
    "child exits": (["family", "fork_exit", 30], ["parent"]),
    "child returns": (["family", "fork_return", 30], ["parent"]),
    "vfork and exec": (["family", "vfork_exec", 30], ["parent"]),
    "posix_spawn": (["family", "spawn", 30], ["parent"]),
}
PLAIN = ["recursion", "tail jump to a watched function", "rets, jump table, cold part",
         "64 threads", "child exits"]


@pytest.mark.parametrize("name, links", [(name, "auto") for name in EXACT]
                         + [(name, "plain") for name in PLAIN])
def test_figures_are_exact(name, links):
    command, functions = EXACT[name]
    run = watch(command, functions, f"--links={links}")
    assert_figures(run, functions)
    assert_all_ended(run, functions)


def test_children_are_left_out_if_told_so():
    run = watch(["family", "fork_return", 30], ["parent"], "--no-follow")
    assert_figures(run, ["parent"])
    assert [child["event"] for child in run.of("child")] == ["launch"]


CODE = {
    ("calls", "jumper"): r"jmp .*<inner>",
    ("calls", "copier"): r"jmp .*<memcpy@plt>",
    ("calls", "recurse"): r"call .*<recurse>",
    ("calls", "shaped"): r"jmp +\*%r",
    ("calls", "shaped.cold"): r"jmp .*<shaped\+",
    ("calls", "chilly.cold"): r"\bret\b",
    ("calls", "copy_bytes"): r"<memcpy@plt>",
    ("crowd", "copy_bytes"): r"<memcpy@plt>",
    ("family", "copy_bytes"): r"<memcpy@plt>",
    ("stacks", "copy_bytes"): r"<memcpy@plt>",
    ("throwing", "_ZL10copy_bytesm"): r"<memcpy@plt>",
    ("virtual", "_ZN6stream4Sink9flush_allEv"): r"jmp .*<_ZN6stream4Sink9write_allEm>",
    ("virtual", "_ZN6stream4Sink14flush_nonemptyEv"): r"jmp .*<_ZN6stream4Sink10write_tiedEm>",
    ("virtual", "_ZN6stream4Sink10write_tiedEm"): r"jmp +\*",
}


@pytest.mark.parametrize("program, function", CODE)
def test_the_compiler_made_the_hazard(program, function):
    """Or the tests above would hold for nothing."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}",
                           target(program)], check=True, capture_output=True, text=True).stdout
    assert re.search(CODE[program, function], code)


def test_each_level_of_a_recursion():
    rounds = 3
    run = watch(["calls", "recursion", rounds], ["recurse"], EVERY_CALL)
    levels = truth_of(run, "level")
    outermost = max(level["copied_bytes"] for level in levels)
    expected = collections.Counter((level["copied_bytes"], level["copied_bytes"] != outermost)
                                   for level in levels for _ in range(rounds))
    seen = collections.Counter((record["copied_bytes"], record.get("recursive", False))
                               for record in run.of("flush"))
    assert seen == expected


# ---- calls that are left without an end ----

LEFT = {
    "longjmp": (["calls", "longjmp", 99], "leaver", ["leaver"]),
    "longjmp, copy deeper down": (["calls", "longjmp_deep", 99], "leaver", ["leaver"]),
    "exception": (["throwing", 99], "thrower", ["thrower", "catcher"]),
}


@pytest.mark.parametrize("links", ["auto", "plain"])
@pytest.mark.parametrize("name", LEFT)
def test_calls_that_are_left(name, links):
    command, left, functions = LEFT[name]
    run = watch(command, functions, f"--links={links}")
    assert_figures(run, functions)
    seen = run.function(left)
    # Whether the last one will ever end can't be known: it may be called unfinished.
    assert seen["ended"] + seen["abandoned"] + seen["unfinished"] == seen["calls"]
    assert seen["unfinished"] <= 1


@pytest.mark.parametrize("name", LEFT)
def test_a_copy_after_a_left_call_is_outside_of_it(name):
    command, _, functions = LEFT[name]
    run = watch(command, functions, "--min-bytes=1MiB")
    (truth,) = truth_of(run, "big_copies")
    assert truth["big_copies"] > 0
    assert [copy["bytes"] for copy in run.of("copy")] == [truth["bytes"]] * truth["big_copies"]


# ---- calls whose ends lie elsewhere ----

def told_of(run, function):
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("memwatch: ")
               and f"{function} " in line]
    return line


def test_an_end_that_is_not_seen_is_told():
    run = watch(["virtual", 100], ["stream::Sink::flush_nonempty"])
    (truth,) = truth_of(run, "calls")
    seen = run.function("stream::Sink::flush_nonempty")
    assert (seen["calls"], seen["ended"]) == (truth["calls"], 0)
    assert re.search(r"ends by a jump to stream::Sink::write_tied: a call that ends by the "
                     r"indirect jump at 0x[0-9a-f]+ there is not seen to end",
                     told_of(run, "stream::Sink::flush_nonempty"))


def test_what_ends_elsewhere_is_told_by_its_name():
    run = watch(["virtual", 100], ["stream::Sink::flush_all"])
    (truth,) = truth_of(run, "calls")
    seen = run.function("stream::Sink::flush_all")
    assert seen["calls"] == seen["ended"] == truth["calls"]
    assert "lie in stream::Sink::write_all (it" in told_of(run, "stream::Sink::flush_all")


def stepped_hits(run):
    summary = run.summary
    cheap_ns, stepped_ns = summary["hit_cheap_ns"], summary["hit_stepped_ns"]
    above_cheap_ns = summary["overhead_ns"] - summary["probe_hits"] * cheap_ns
    hits, rest = divmod(above_cheap_ns, stepped_ns - cheap_ns)
    assert rest == 0
    return hits


@pytest.mark.parametrize("links", ["auto", "plain"])
def test_a_trap_that_serves_many_functions_costs_once(links):
    sink = [f"stream::Sink::{name}" for name in ("write_all", "flush_all", "write")]
    alone, shared = (watch(["virtual", 1000], functions, f"--links={links}", "--no-sample")
                     for functions in (sink[:1], sink))
    (truth,) = truth_of(alone, "calls")
    assert [shared.function(name)["ended"] for name in sink] == [2000, 1000, 1000]
    assert stepped_hits(alone) >= 2 * truth["calls"]
    assert stepped_hits(shared) == stepped_hits(alone)


# ---- calls that are still open at the end ----

def assert_one_open(run, truths):
    (truth,) = [line for line in truths if "open_bytes" in line]
    seen = run.function("stay")
    assert (seen["unfinished"], seen["abandoned"], seen["lost"]) == (1, 0, 0)
    assert seen["calls"] == seen["ended"] + 1
    (record,) = [record for record in run.of("flush") if record.get("unfinished")]
    assert record["copied_bytes"] == truth["open_bytes"]
    assert record["copies"] == truth["open_copies"]


@pytest.mark.parametrize("how, status", [("exit", 0), ("_exit", 0), ("thread_exit", 0),
                                         ("raw_thread_exit", 0), ("kill", 128 + signal.SIGKILL)])
def test_open_at_the_end(how, status):
    run = memwatch.run(EVERY_CALL, *flush("stay"), "--", target("calls"), "open", 10, how)
    assert run.status == status
    assert_figures(run, ["stay"])
    assert_one_open(run, truth_of(run, "open_bytes"))


def test_open_when_the_watch_is_interrupted():
    command = [target("calls"), "open", "10", "stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert json.loads(process.stdout.readline()) == {"ready": process.pid}
            with memwatch.Watch(EVERY_CALL, *flush("stay"), "--pid", process.pid) as watch_:
                watch_.wait_for("child", watched=True)
                process.send_signal(signal.SIGUSR1)
                truths = [json.loads(process.stdout.readline()) for _ in range(3)]
                watch_.wait_for("flush", 10)
                watch_.interrupt()
                run = watch_.finish()
            assert process.poll() is None
        finally:
            process.kill()
    assert run.status == 0
    assert_one_open(run, truths)


# ---- other stacks ----

def test_coroutines_inside_watched_calls():
    run = watch(["stacks", "coroutines", 100], ["visit"], EVERY_CALL)
    assert_figures(run, ["visit"])
    # Each record lies inside the times that the caller took, around those taken in the call.
    truths = sorted(truth_of(run, "before_ns"), key=lambda truth: truth["before_ns"])
    records = sorted(run.of("flush"), key=lambda record: record["start_ns"])
    assert len(records) == len(truths)
    for truth, record in zip(truths, records):
        end_ns = record["start_ns"] + record["duration_ns"]
        assert truth["before_ns"] <= record["start_ns"] <= truth["first_ns"]
        assert truth["last_ns"] <= end_ns <= truth["after_ns"]


@pytest.mark.parametrize("where", ["low", "high"])
def test_signal_handler_that_copies_on_its_own_stack(where):
    run = watch(["stacks", "signals", where, 100], ["disturbed"], "--min-bytes=1MiB")
    assert_figures(run, ["disturbed"])
    assert truth_of(run, "handled")[0]["handled"] > 0
    # All copies, the handler's too, were made inside the watched calls.
    assert run.of("copy") == []


def test_exec_by_another_thread():
    with memwatch.Watch(*flush("parent"), "--", target("family"), "exec_in_thread", 200) as watch_:
        (launched,) = watch_.wait_for("child", event="launch")
        try:
            watch_.wait_for("child", event="exec", watched=True, pid=launched["pid"])
        finally:
            # Should it not be watched, it goes on all the same, and does not stay behind.
            os.kill(launched["pid"], signal.SIGUSR1)
        run = watch_.finish()
    assert run.status == 0
    assert_figures(run, ["parent"])


# ---- more records than the ring holds ----

@pytest.mark.parametrize("held", [False, True])
def test_every_record_arrives_or_is_counted_as_lost(held):
    """held: memwatch is stopped meanwhile, so that the ring must run over."""
    command = [target("crowd"), "hammer", 8, 15000]
    with memwatch.Watch(EVERY_CALL, "-o", "/dev/null", *flush("handle"), "--", *command) as watch_:
        if held:
            watch_.wait_for("flush")
            watch_.process.send_signal(signal.SIGSTOP)
            assert watch_.process.stdout.readline()  # the target's last word
            watch_.process.send_signal(signal.SIGCONT)
        run = watch_.finish()
    seen = run.function("handle")
    assert seen["calls"] == seen["ended"] == 8 * 15000
    assert len(run.of("flush")) == seen["reported"]
    lost = run.summary["losses"]["ring_full"]
    assert run.summary["lost_events"] == lost + run.summary["losses"]["samples"]
    # The target's exit has a record, too, which is lost if the ring is full by then.
    assert lost - (seen["ended"] - seen["reported"]) in ([0, 1] if held else [0])
    assert not held or seen["reported"] < seen["ended"]
