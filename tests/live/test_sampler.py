# SPDX-License-Identifier: GPL-2.0-only
"""Whose clock the sampler's is: that of threads, or that of CPUs where threads switch a lot."""

import json
import os
import signal
import subprocess

import memwatch
from stalls import AS_IT_IS, check_covered, check_path, stalls_of

HANDOVER = memwatch.TARGETS / "handover"
COMMAND = ("-v", "--no-auto", "--", HANDOVER)
WIDE = "the sampler's clock is now that of the CPUs"
NARROW = "the sampler's clock is now that of the target's threads"


def truth_of(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def check(run, truth):
    told = stalls_of(run, "copy_all")
    check_covered(told, truth)
    for stall in told:
        check_path(stall, "copy_all", "main")
    # Of a process that nobody watches, and of who has the CPU when no thread does, nothing.
    assert {stall["pid"] for stall in run.of("stall")} <= {true["pid"] for true in truth}


def check_samples(run, truth):
    """Each is of one thread, once."""
    due = sum(true["cpu_ns"] for true in truth) / run.summary["sample_period_ns"]
    assert 0.85 * due < run.summary["copy_samples"] < 1.1 * due


def test_threads_that_switch_all_the_time():
    run = memwatch.run(*AS_IT_IS, *COMMAND, 1)
    assert run.status == 0, run.stderr
    assert run.stderr.count(WIDE) == 1
    truth = truth_of(run.stdout)
    assert len(truth) == 3
    check(run, truth)
    check_samples(run, truth)


def test_children_are_sampled_as_well():
    run = memwatch.run(*AS_IT_IS, *COMMAND, 3)
    assert run.status == 0, run.stderr
    truth = truth_of(run.stdout)
    assert len({true["pid"] for true in truth}) == 3
    for pid in {true["pid"] for true in truth}:
        check_covered([stall for stall in stalls_of(run, "copy_all") if stall["pid"] == pid],
                      [true for true in truth if true["pid"] == pid])
    check(run, truth)


def test_nobody_else_is_sampled():
    """Another process stalls all the time on the same CPUs."""
    with subprocess.Popen([str(HANDOVER), "9"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, start_new_session=True) as other:
        try:
            run = memwatch.run(*AS_IT_IS, *COMMAND, 1)
        finally:
            os.killpg(other.pid, signal.SIGKILL)
    assert run.status == 0, run.stderr
    assert WIDE in run.stderr
    truth = truth_of(run.stdout)
    assert {stall["pid"] for stall in run.of("stall")} == {truth[0]["pid"]}


def test_programs_that_seldom_switch_keep_their_clock():
    run = memwatch.run(*AS_IT_IS, "-v", "--", memwatch.WORKLOADS / "lazywrite", "--writes",
                       600_000, "--chunk", "4K", "--pause", "20ms")
    assert run.status == 0, run.stderr
    assert WIDE not in run.stderr


def test_the_clock_is_the_threads_again_when_they_are_calm():
    """And whoever runs then is sampled: the thread, and children that had been forked before."""
    run = memwatch.run(*AS_IT_IS, *COMMAND, 1, "calm")
    assert run.status == 0, run.stderr
    assert run.stderr.count(WIDE) == 1 and run.stderr.count(NARROW) == 1
    assert run.stderr.index(WIDE) < run.stderr.index(NARROW)
    truth = truth_of(run.stdout)
    assert len(truth) == 5 and len({true["pid"] for true in truth}) == 2
    check(run, truth)
    check_samples(run, truth)
