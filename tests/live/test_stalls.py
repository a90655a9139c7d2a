# SPDX-License-Identifier: GPL-2.0-only
"""Stalls that nobody named: who is to blame, and by which path, without a hint."""

import collections

import memwatch
from stalls import AS_IT_IS, check_covered, check_path, stalls_of


def launch(tmp_path, program, *arguments, options=()):
    path = tmp_path / "truth.jsonl"
    run = memwatch.run(*AS_IT_IS, *options, "--", program, *arguments, "--truth", path)
    assert run.status == 0, run.stderr
    return run, memwatch.read_lines(path)


WRITES = ("--writes", 300_000, "--chunk", "4K", "--pause", "20ms")


def test_lazywrite(tmp_path):
    run, truth = launch(tmp_path, memwatch.WORKLOADS / "lazywrite", *WRITES)
    told = stalls_of(run, "flush_accumulator") + run.of("flush")
    assert len(truth) == 3
    check_covered(told, truth)
    for record in told:
        if "stack" in record:
            check_path(record, "flush_accumulator", "lazy_write", "main")
    assert {stall.get("culprit") for stall in run.of("stall")} <= {"flush_accumulator"}


def test_lazywrite_inlined(tmp_path):
    """The flush has no code of its own: it is named, or the function that it is in."""
    run, truth = launch(tmp_path, memwatch.VARIANTS / "lazywrite-inlined", *WRITES)
    told = run.of("stall") + run.of("flush")
    check_covered(told, truth)
    for stall in run.of("stall"):
        assert stall["culprit"] in ("flush_accumulator", "lazy_write"), stall
        check_path(stall, "flush_accumulator", "lazy_write", "main")


def test_lazywrite_stripped(tmp_path):
    run, truth = launch(tmp_path, memwatch.VARIANTS / "lazywrite-stripped", *WRITES)
    told = run.of("stall") + run.of("flush")
    check_covered(told, truth)
    for stall in run.of("stall"):
        assert "culprit" not in stall or "lazywrite-stripped" in stall["culprit"], stall
        assert stall["module"] == "lazywrite-stripped"


def test_shiftbuf(tmp_path):
    run, truth = launch(tmp_path, memwatch.WORKLOADS / "shiftbuf", "--messages", 6, "--backlog",
                        500_000, "--message", "1K", "--pause", "20ms")
    told = stalls_of(run, "consume_front") + run.of("flush")
    check_covered(told, truth)
    for stall in stalls_of(run, "consume_front"):
        check_path(stall, "consume_front", "main")


def test_growbuf(tmp_path):
    run, truth = launch(tmp_path, memwatch.WORKLOADS / "growbuf", "--bytes", "600M", "--pause",
                        "20ms")
    told = stalls_of(run, "grow_buffer") + run.of("flush")
    check_covered(told, [true for true in truth if true["bytes"] >= 64 << 20])
    for stall in stalls_of(run, "grow_buffer"):
        check_path(stall, "grow_buffer", "append", "main")


def test_the_lazy_caller_is_found(tmp_path):
    run, _ = launch(tmp_path, memwatch.WORKLOADS / "lazywrite", "--writes", 500_000, "--chunk",
                    "4K", "--pause", "20ms")
    (finding,) = [f for f in run.of("finding") if f.get("found_by") == "calls"]
    assert finding["lazy_caller"] == "lazy_write" and finding["flush"] == "flush_accumulator"
    assert finding["period_writes"] == 100_000 and finding["period_kind"] == "single"
    calls = {f["function"]: f["calls_per_stall"] for f in finding["evidence"]}
    assert calls["flush_accumulator"] == 1 and calls["lazy_write"] == 100_000
    # Watched from then on, as if it had been named.
    assert {flush["function"] for flush in run.of("flush")} == {"flush_accumulator"}


def test_no_auto(tmp_path):
    run, truth = launch(tmp_path, memwatch.WORKLOADS / "lazywrite", *WRITES,
                        options=["--no-auto"])
    check_covered(stalls_of(run, "flush_accumulator"), truth)
    assert run.of("flush") == [] and run.of("finding") == []


def test_without_copies_there_is_no_stall(tmp_path):
    run = memwatch.run(*AS_IT_IS, "--", "/usr/bin/python3", "-c",
                       "x = 0\nfor i in range(10_000_000): x += i")
    assert run.of("stall") == [] and run.of("flush") == []
    assert run.summary["samples"] > 100


def test_threads_have_their_own(tmp_path):
    run, truth = launch(tmp_path, memwatch.WORKLOADS / "lazywrite", "--writes", 200_000, "--chunk",
                        "4K", "--threads", 4, options=["--no-auto"])
    told = stalls_of(run, "flush_accumulator")
    by_thread = collections.defaultdict(list)
    for stall in told:
        by_thread[stall["tid"]].append(stall)
    for true in truth:
        assert by_thread[true["tid"]], true
    assert set(by_thread) == {true["tid"] for true in truth}


def test_the_path_leads_through_code_that_was_made_meanwhile():
    """Made by a JIT after memwatch looked at what the process has mapped."""
    run = memwatch.run(*AS_IT_IS, "--no-auto", "--", memwatch.TARGETS / "jitted", 3)
    stalls = stalls_of(run, "copy_much")
    assert len(stalls) == 3
    for stall in stalls:
        check_path(stall, "copy_much", "made_function", "main")
        assert stall["stack_end"] == "whole"
