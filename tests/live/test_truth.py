# SPDX-License-Identifier: GPL-2.0-only
"""memwatch's figures against the workloads' own: each flush, its bytes, its copies, its time."""

import pytest
import truth as truths

FLUSH = ["--flush", "flush_accumulator"]
WRITES = ["--writes", "lazy_write"]
ALL_TIMES = ["--min-time", "0"]
STARTS = pytest.mark.parametrize("start", [truths.launch, truths.attach])


@STARTS
@pytest.mark.parametrize("writes", [[], WRITES], ids=["", "writes"])
@pytest.mark.parametrize("threads", [1, 8])
def test_a_million_lazy_writes(tmp_path, start, threads, writes):
    arguments = ["--writes", 1_000_000, "--chunk", "1K", "--threads", threads]
    # One thread has a CPU of its own, and its flushes are long: no interrupt matters.
    run, truth = truths.check_all(lambda: start(tmp_path, FLUSH + writes, "lazywrite", arguments),
                                  "flush_accumulator",
                                  0 if threads == 1 else truths.INTERRUPTED_SHARE)
    assert len(truths.by_thread(truth)) == threads
    if writes:
        truths.check_write_indexes(run.of("flush"), truth)
        assert run.summary["writes"] == threads * 1_000_000
    else:
        assert not any("write_index" in flush for flush in run.of("flush"))


@pytest.mark.sanitized
def test_a_few_flushes(tmp_path):
    arguments = ["--writes", 30_000, "--limit", 10_000, "--chunk", "2K", "--threads", 2]
    run, truth = truths.launch(tmp_path, ALL_TIMES + FLUSH + WRITES, "lazywrite", arguments)
    assert run.status == 0, run.stderr
    assert len(truth) == 6
    truths.check_counts(run.of("flush"), truth)
    truths.check_write_indexes(run.of("flush"), truth)
    truths.check_nothing_lost(run)
    truths.check_function_sums(run, "flush_accumulator", truth)


@STARTS
@pytest.mark.parametrize("workload, function, arguments", [
    ("lazywrite", "flush_accumulator",
     ["--mode", "getvalue", "--writes", 200_000, "--limit", 20_000, "--chunk", 300]),
    ("shiftbuf", "consume_front", ["--messages", 300, "--message", 777, "--backlog", 9000]),
    ("growbuf", "grow_buffer", ["--bytes", "64M", "--append", 4099]),
], ids=["getvalue", "shiftbuf", "growbuf"])
def test_other_stalls(tmp_path, start, workload, function, arguments):
    truths.check_all(lambda: start(tmp_path, ALL_TIMES + ["--flush", function], workload,
                                   arguments), function)


def test_reading_the_value_is_one_copy_after_each_flush(tmp_path):
    arguments = ["--mode", "getvalue", "--writes", 100_000, "--limit", 10_000, "--chunk", 300]
    run, truth = truths.launch(tmp_path, ALL_TIMES + FLUSH, "lazywrite", arguments)
    flushes, copies = run.of("flush"), run.of("copy")
    assert run.status == 0 and len(flushes) == len(copies) == len(truth) == 10
    for copy, flush, true in zip(copies, flushes, truth):
        assert copy["bytes"] == true["bytes"]
        assert copy["start_ns"] >= flush["start_ns"] + flush["duration_ns"]


@STARTS
def test_eager_writes_copy_at_once(tmp_path, start):
    writes, chunk_bytes = 100_000, 3000
    arguments = ["--mode", "eager", "--writes", writes, "--chunk", chunk_bytes]
    run, truth = start(tmp_path, FLUSH + WRITES, "lazywrite", arguments)
    assert run.status == 0 and truth == []
    assert run.of("flush") == [] and run.of("finding") == []
    assert run.summary["writes"] == writes
    # The C library's own copies are smaller.
    (size_class,) = [c for c in run.summary["size_classes"]
                     if c["from_bytes"] <= chunk_bytes <= c["to_bytes"]]
    assert (size_class["copies"], size_class["bytes"]) == (writes, writes * chunk_bytes)
    assert run.summary["largest_copy_bytes"] == chunk_bytes
    truths.check_nothing_lost(run)


@STARTS
@pytest.mark.parametrize("workload, arguments", [
    ("shiftbuf", ["--messages", 300, "--message", 1000, "--backlog", 5000]),
    ("growbuf", ["--bytes", "100M", "--append", 5000]),
], ids=["shiftbuf", "growbuf"])
def test_large_copies_outside_of_flushes(tmp_path, start, workload, arguments):
    min_bytes = 1 << 20
    run, truth = start(tmp_path, ["--min-bytes", min_bytes], workload, arguments)
    large = [true for true in truth if true["bytes"] >= min_bytes]
    copies = run.of("copy")
    assert run.status == 0 and run.of("flush") == []
    assert [copy["bytes"] for copy in copies] == [true["bytes"] for true in large]
    for copy, true in zip(copies, large):
        assert copy["tid"] == true["tid"]
        assert 0 <= copy["start_ns"] - true["start_ns"] <= true["duration_ns"]
    assert run.summary["large_copies"] == len(large)
    assert run.summary["largest_copy_bytes"] == max(true["bytes"] for true in large)
    truths.check_nothing_lost(run)


def test_a_shift_goes_down_by_one_message(tmp_path):
    arguments = ["--messages", 20, "--message", 1000, "--backlog", 5000]
    run, truth = truths.launch(tmp_path, [], "shiftbuf", arguments)
    assert len(run.of("copy")) == len(truth) == 20
    for copy in run.of("copy"):
        assert copy["src_addr"] - copy["dst_addr"] == 1000


def test_a_copy_inside_a_flush_is_no_copy_of_its_own(tmp_path):
    arguments = ["--messages", 20, "--message", 1000, "--backlog", 5000]
    run, truth = truths.launch(tmp_path, ALL_TIMES + ["--flush", "consume_front"], "shiftbuf",
                               arguments)
    assert len(run.of("flush")) == len(truth) == 20
    assert min(true["bytes"] for true in truth) > 1 << 20
    assert run.of("copy") == [] and run.summary["large_copies"] == 0
