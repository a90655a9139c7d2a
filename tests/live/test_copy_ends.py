# SPDX-License-Identifier: GPL-2.0-only
"""
Large copies, when they end, and what may happen within one before: all are seen, no target is
harmed. By default an end is seen by a probe on a return that large copies alone take; those of
glibc also end small ones, and with --time-copies the kernel's return probes see the ends instead.
"""

import json

import pytest

import memwatch

ROUNDS = 60
COPIES = 10
MODES = ("plain", "nested", "jump", "fork", "vfork", "leave")
HANDLER_BYTES = 2 << 20
TIMED = ["--time-copies"]
# A child that is forked from a handler within a copy is lost with return probes: --help says so.
WAYS = [(mode, []) for mode in MODES] + [(mode, TIMED) for mode in MODES if mode != "fork"]


def watch(mode, options=()):
    run = memwatch.run("--min-bytes=1M", *options, "--", memwatch.TARGETS / "largecopy", mode,
                       ROUNDS)
    assert run.status == 0, run.stderr
    return run, [json.loads(line) for line in run.stdout.splitlines()]


def copies_of(run, thread):
    return [copy for copy in run.of("copy") if copy["tid"] == thread["tid"]]


@pytest.mark.parametrize("mode, options", WAYS)
def test_every_copy_is_seen_and_none_goes_wrong(mode, options):
    run, threads = watch(mode, options)
    assert [thread["bad"] for thread in threads] == [0] * len(threads)
    for thread in threads:
        seen = copies_of(run, thread)
        # Those that were left had begun, with a size that the target does not add up.
        assert len(seen) == thread["copies"] + thread["left"] + thread["nested"]
        if not thread["left"]:
            expected = thread["copied_bytes"] + thread["nested"] * HANDLER_BYTES
            assert sum(copy["bytes"] for copy in seen) == expected
    assert run.summary["lost_events"] == 0
    assert "warning" not in run.stderr


def test_the_handlers_come_in_the_midst_of_copies():
    """Else the modes above would show nothing."""
    happened = {mode: watch(mode)[1] for mode in MODES[1:]}
    for mode, field in zip(MODES[1:], ("nested", "left", "children", "children", "left")):
        assert sum(thread[field] for thread in happened[mode]) > 0, mode


# ---- how long they take ----

def test_each_large_copy_is_timed_where_that_is_asked_for():
    run, threads = watch("plain", TIMED)
    for thread in threads:
        durations = [copy.get("duration_ns", 0) for copy in copies_of(run, thread)]
        assert len(durations) == thread["copies"] and min(durations) > 0
        # The target's clocks enclose each copy, and what comes right behind: the end wakes
        # memwatch up, which may take the CPU.
        assert 0.5 * thread["copy_ns"] <= sum(durations) <= thread["copy_ns"]
    assert run.summary["timed_copies"] == sum(thread["copies"] for thread in threads)


def test_no_return_probe_is_set_unasked():
    """Each of glibc's returns ends small copies too: nothing by default would see these end."""
    run, threads = watch("plain")
    assert not any("duration_ns" in copy for copy in run.of("copy"))
    assert "timed_copies" not in run.summary


def check_near(durations_ns, truth):
    """Beside a copy the target's clocks enclose two hits, 20 times shorter than it."""
    enclosed_ns = [true["end_ns"] - true["start_ns"] for true in truth]
    shares = sorted(ns / true_ns for ns, true_ns in zip(durations_ns, enclosed_ns, strict=True))
    assert shares[-1] <= 1 and shares[len(shares) // 2] >= 0.95


def test_returns_that_only_large_copies_take_are_probed():
    run = memwatch.run("--copy", "own_copy", "--gate", "64M", "--flush", "flush_both",
                       "--min-time", "0", "--", memwatch.TARGETS / "largeends", COPIES)
    assert run.status == 0, run.stderr
    truth = [json.loads(line) for line in run.stdout.splitlines()]
    alone, within = truth[:COPIES], truth[COPIES:]
    assert [copy["bytes"] for copy in run.of("copy")] == [true["bytes"] for true in alone]
    for copy, true in zip(run.of("copy"), alone):
        assert true["start_ns"] <= copy["start_ns"]
        assert copy["start_ns"] + copy["duration_ns"] <= true["end_ns"]
    check_near([copy["duration_ns"] for copy in run.of("copy")], alone)
    for flush in run.of("flush"):
        assert (flush["copies"], flush["copied_bytes"]) == (1, alone[0]["bytes"])
        assert (flush["timed_copies"], flush["timed_bytes"]) == (1, alone[0]["bytes"])
    check_near([flush["copy_ns"] for flush in run.of("flush")], within)
    assert run.summary["timed_copies"] == len(truth)


def test_what_asks_for_return_probes_is_refused_without_them():
    run = memwatch.run("--time-copies", "--links", "plain", "--", "true")
    assert run.status == 1 and run.records == []
    (line,) = run.stderr.splitlines()
    assert "--time-copies needs return probes" in line and "leave it out" in line
