# SPDX-License-Identifier: GPL-2.0-only
"""Go: arguments in its own registers, calls that change threads, stacks that move."""

import json
import re
import subprocess
from collections import defaultdict

import memwatch
import probes
import pytest

FLUSH = "main.(*Buf).Flush"
WATCH = ["--flush", FLUSH, "--writes", "main.(*Buf).Write", "--min-time", "0"]
SMALL = ["--workers", "4", "--flushes", "3", "--limit", "300"]
HARD = [*SMALL, "--moving", "--depth", "200"]
ROUNDS = 20


def launch(tmp_path, program, arguments, options=()):
    path = tmp_path / "truth.jsonl"
    run = memwatch.run(*WATCH, *options, "--", memwatch.TARGETS / program, *arguments,
                       "--truth", path)
    assert run.status == 0, run.stderr
    return run, memwatch.read_lines(path)


def by_owner(records, owner):
    owners = defaultdict(list)
    for record in sorted(records, key=lambda record: record["start_ns"]):
        owners[record[owner]].append(record)
    return owners


def pairs(run, truth):
    """Each reported flush beside the true one. Which goroutine is which worker, their times say."""
    reported, workers = by_owner(run.of("flush"), "goroutine_addr"), by_owner(truth, "worker")
    assert len(reported) == len(workers)
    both = []
    for flushes in workers.values():
        (mine,) = [calls for calls in reported.values() if len(calls) == len(flushes) and all(
            true["start_ns"] <= got["start_ns"] and
            got["start_ns"] + got["duration_ns"] <= true["end_ns"]
            for got, true in zip(calls, flushes)) and is_same(calls, flushes)]
        both += zip(mine, flushes)
    return both


def is_same(reported, truth):
    """Workers flush at the same time, but each other bytes."""
    return [call["copied_bytes"] for call in reported] == [call["bytes"] for call in truth]


def check_exact(run, truth):
    for got, true in pairs(run, truth):
        for mine, its in (("copied_bytes", "bytes"), ("copies", "copies"),
                          ("write_index", "write_index")):
            assert got[mine] == true[its], (got, true)
        assert not got["unfinished"] and not got["recursive"]
    summary = run.function(FLUSH)
    assert summary["calls"] == summary["ended"] == len(truth)
    assert summary["unfinished"] == summary["abandoned"] == summary["lost"] == 0
    assert run.summary["unmatched_ends"] == run.summary["lost_events"] == 0
    assert run.summary["writes"] == sum(
        max(true["write_index"] for true in mine) for mine in by_owner(truth, "worker").values())


def plain_output(program, arguments):
    return subprocess.run([memwatch.TARGETS / program, *arguments], stdout=subprocess.PIPE,
                          check=True, text=True, timeout=60).stdout


def changed_threads(truth):
    return sum(true["tid"] != true["tid_before"] for true in truth)


# Stripped ones are read by their .gopclntab, which in a PIE has a relocation.
@pytest.mark.parametrize("program", ["lazygo", "lazygo-stripped", "lazygo-pie"])
def test_plain_copies(tmp_path, program):
    run, truth = launch(tmp_path, program, [*SMALL, "--chunk", "3000"])
    check_exact(run, truth)
    assert run.stdout == plain_output(program, [*SMALL, "--chunk", "3000"])


@pytest.mark.parametrize("program", ["lazygo", "lazygo-stripped"])
def test_launched_20_rounds(tmp_path, program):
    unwatched = plain_output(program, HARD)
    changes = 0
    for _ in range(ROUNDS // 2):
        run, truth = launch(tmp_path, program, HARD)
        assert run.stdout == unwatched
        check_exact(run, truth)
        changes += changed_threads(truth)
    assert changes, "no flush ended on another thread: the rounds prove nothing"


def test_attached_20_rounds():
    unwatched = plain_output("lazygo", HARD)
    changes = 0
    for _ in range(ROUNDS):
        with memwatch.Waiting(memwatch.TARGETS / "lazygo", *HARD) as target:
            with memwatch.Watch("--pid", target.pid, *WATCH) as watch:
                watch.wait_for("child", pid=target.pid, event="attach", watched=True)
                target.go()
                stdout, _ = target.process.communicate(timeout=60)
                truth = memwatch.read_lines(target.truth_path)
                run = watch.finish()
        assert stdout == unwatched and target.process.returncode == run.status == 0
        check_exact(run, truth)
        changes += changed_threads(truth)
    assert changes, "no flush ended on another thread: the rounds prove nothing"


def test_with_the_profiler(tmp_path):
    unwatched = plain_output("lazygo", HARD)
    for _ in range(3):
        run, truth = launch(tmp_path, "lazygo", [*HARD, "--profile"])
        assert run.stdout == unwatched
        check_exact(run, truth)


def test_plan():
    plan = probes.planned("--flush", FLUSH, "--", memwatch.TARGETS / "lazygo")
    assert [probe.what for probe in plan] == ["copy", "entry", "end"]


def test_launch_is_not_kept_waiting(tmp_path):
    """There is no libc that would have to be mapped first."""
    run, _ = launch(tmp_path, "lazygo", SMALL)
    (child,) = run.of("child")
    assert child["watched"]
    assert child["at_ns"] - run.of("header")[0]["start_ns"] < 150_000_000


def test_killed_in_a_flush():
    """What is open then goes with the process, and the next one at the same addresses is new."""
    arguments = ["--workers", "3", "--flushes", "1000000", "--limit", "300", "--moving"]
    script = ('for i in 1 2 3; do "$@" & sleep 0.5; kill -9 $!; wait $!; done; true')
    run = memwatch.run(*WATCH, "--", "/bin/bash", "-c", script, "sh",
                       memwatch.TARGETS / "lazygo", *arguments)
    assert run.status == 0
    flushes = [flush for flush in run.of("flush") if flush["function"] == FLUSH]
    summary = run.function(FLUSH)
    assert summary["calls"] == summary["ended"] + summary["unfinished"]
    assert 0 < summary["unfinished"] <= 9 and summary["abandoned"] == 0
    for flush in flushes:
        assert flush["duration_ns"] < 1_000_000_000


def test_exec_within_flushes():
    """The next program of the process has its g's where the one before it had them."""
    arguments = ["--workers", "8", "--flushes", "20", "--limit", "300", "--moving",
                 "--exec-after", "200ms"]
    with memwatch.Waiting(memwatch.TARGETS / "lazygo", *arguments) as target:
        with memwatch.Watch("--pid", target.pid, *WATCH) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            target.go()
            (child,) = watch.wait_for("child", pid=target.pid, event="exec", watched=True)
            assert "waiting for SIGUSR1" in target.process.stderr.readline()
            target.go()
            status, truth = target.finish()
            run = watch.finish()
    assert status == run.status == 0
    unfinished = [flush for flush in run.of("flush") if flush["unfinished"]]
    summary = run.function(FLUSH)
    assert summary["calls"] == summary["ended"] + summary["unfinished"]
    assert 0 < summary["unfinished"] == len(unfinished) <= 8
    assert all(flush["duration_ns"] < 300_000_000 for flush in unfinished)
    # What is left is the second program's, from its first write on.
    run.records = [record for record in run.records if record["type"] != "flush"
                   or record["start_ns"] > child["at_ns"]]
    for got, true in pairs(run, truth):
        assert [got["copied_bytes"], got["copies"], got["write_index"]] == \
               [true["bytes"], true["copies"], true["write_index"]]


def test_go_and_c_in_one_program():
    run = memwatch.run("--flush", "main.goFlush", "--flush", "c_flush", "--min-time", "0", "--",
                       memwatch.TARGETS / "mixedgo")
    assert run.status == 0, run.stderr
    truth = json.loads(run.stdout)
    for name, part in {"main.goFlush": "go", "c_flush": "c"}.items():
        flushes = [flush for flush in run.of("flush") if flush["function"] == name]
        assert [[flush["copies"], flush["copied_bytes"]] for flush in flushes] == \
               [truth[part]] * truth["calls"]
        assert all(("goroutine_addr" in flush) == (part == "go") for flush in flushes)
    assert run.summary["unmatched_ends"] == run.summary["lost_events"] == 0


def test_cost_of_counting_writes_is_said_first():
    """Go's functions begin with a comparison, which is single-stepped; C's with a push."""
    for target, name, is_dear in ((memwatch.TARGETS / "lazygo", "main.(*Buf).Write", True),
                                  (memwatch.WORKLOADS / "lazywrite", "lazy_write", False)):
        run = memwatch.run("--writes", name, "--", target)
        said = [line for line in run.stderr.splitlines() if "which no --budget limits" in line]
        assert len(said) == is_dear, run.stderr
        assert all(re.search(r"each call costs .*, about [\d.]+ us,", line) for line in said)
