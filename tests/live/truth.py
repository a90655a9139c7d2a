# SPDX-License-Identifier: GPL-2.0-only
"""Compares what memwatch reported with the truth that a workload wrote about itself."""

import math
import statistics
from collections import defaultdict

import memwatch

# memwatch's clocks stand outside the function's own: in between lie the two traps of its probes.
TRAPS_NS = 30_000
DURATION_SHARE = 0.02
# In that short time an interrupt, or another thread of the target, can have the CPU.
INTERRUPTED_SHARE = 0.02
# How many runs in a row the host may spoil.
BURSTS = 2
# The histogram's classes are 1/16 of an octave wide.
MEDIAN_SHARE = 0.07


def launch(tmp_path, options, workload, arguments, env=None):
    """Runs a workload under memwatch: gives the finished run and the workload's truth."""
    path = tmp_path / "truth.jsonl"
    run = memwatch.run(*options, "--", memwatch.WORKLOADS / workload, *arguments,
                       "--truth", path, env=env)
    return run, memwatch.read_lines(path)


def attach(_tmp_path, options, workload, arguments):
    """The same for a workload that runs already. The status is the workload's own."""
    with memwatch.Waiting(memwatch.WORKLOADS / workload, *arguments) as target:
        with memwatch.Watch("--pid", target.pid, *options) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            target.go()
            status, truth = target.finish()
            run = watch.finish()
    assert run.status == 0, run.stderr
    run.status = status
    return run, truth


def by_thread(records):
    threads = defaultdict(list)
    for record in sorted(records, key=lambda record: record["start_ns"]):
        threads[record["tid"]].append(record)
    return threads


def pairs(reported, truth):
    """Each reported call beside the true one: by thread, and by order within it."""
    reported, truth = by_thread(reported), by_thread(truth)
    assert {tid: len(calls) for tid, calls in reported.items()} == \
           {tid: len(calls) for tid, calls in truth.items()}
    return [pair for tid, calls in truth.items() for pair in zip(reported[tid], calls)]


def check_counts(reported, truth):
    for got, true in pairs(reported, truth):
        assert (got["copied_bytes"], got["copies"]) == (true["bytes"], true["copies"])
        assert not got["unfinished"] and not got["recursive"]


def gaps_ns(got, true):
    """From memwatch's start to the function's own first clock; from its last one to the end."""
    before_ns = true["start_ns"] - got["start_ns"]
    return before_ns, got["duration_ns"] - true["duration_ns"] - before_ns


def is_close(got, true):
    slack_ns = max(DURATION_SHARE * true["duration_ns"], TRAPS_NS)
    return abs(got["duration_ns"] - true["duration_ns"]) <= slack_ns


def far_calls(run, truth):
    """Each call encloses the true one; gives those that do not do so closely."""
    both = pairs(run.of("flush"), truth)
    gaps = [gaps_ns(got, true) for got, true in both]
    assert all(before_ns >= 0 and after_ns >= 0 for before_ns, after_ns in gaps)
    for side_ns in zip(*gaps):
        assert statistics.median(side_ns) <= TRAPS_NS
    return [(got, true) for got, true in both if not is_close(got, true)]


def check_write_indexes(reported, truth):
    for got, true in pairs(reported, truth):
        assert got["write_index"] == true["write_index"]


def check_nothing_lost(run):
    assert run.summary["lost_events"] == 0
    assert set(run.summary["losses"].values()) == {0}
    assert run.summary["unmatched_ends"] == 0


def check_function_sums(run, function, truth):
    summary = run.function(function)
    flushes = [flush for flush in run.of("flush") if flush["function"] == function]
    assert summary["calls"] == summary["ended"] == summary["reported"] == len(truth)
    assert summary["copied_bytes"] == sum(true["bytes"] for true in truth)
    assert summary["copies"] == sum(true["copies"] for true in truth)
    assert summary["total_ns"] == sum(flush["duration_ns"] for flush in flushes)
    assert summary["unfinished"] == summary["abandoned"] == summary["lost"] == 0


def percentile_ns(records, share):
    durations_ns = sorted(record["duration_ns"] for record in records)
    return durations_ns[math.ceil(share * len(durations_ns)) - 1]


def class_of(ns):
    """The durations that the histogram does not tell from this one."""
    width_ns = max(1, 1 << ns.bit_length() >> 5)
    first_ns = ns // width_ns * width_ns
    return range(first_ns, first_ns + width_ns)


def check_percentiles(run, function, truth):
    summary = run.function(function)
    for name, share in {"p50_ns": 0.50, "p99_ns": 0.99}.items():
        assert summary[name] in class_of(percentile_ns(run.of("flush"), share)), name
    true_ns = percentile_ns(truth, 0.50)
    assert abs(summary["p50_ns"] - true_ns) <= MEDIAN_SHARE * true_ns
    assert summary["max_ns"] == max(flush["duration_ns"] for flush in run.of("flush"))
    assert summary["p50_ns"] <= summary["p99_ns"] <= summary["max_ns"]


def check_exact(run, function, truth):
    """Of a run that watched one function and reported each of its calls."""
    assert run.status == 0, run.stderr
    assert truth
    assert {flush["function"] for flush in run.of("flush")} == {function}
    check_counts(run.of("flush"), truth)
    check_nothing_lost(run)
    check_function_sums(run, function, truth)
    check_percentiles(run, function, truth)


def check_all(measure, function, interrupted_share=INTERRUPTED_SHARE):
    """
    Measures, and checks; gives the run and the truth. A burst of the host's own doings makes many
    calls of a run long, so a run may be repeated for its times, but its counts are always exact.
    """
    for _ in range(BURSTS + 1):
        run, truth = measure()
        check_exact(run, function, truth)
        far = far_calls(run, truth)
        if len(far) <= math.ceil(interrupted_share * len(truth)):
            return run, truth
    raise AssertionError(far)
