# SPDX-License-Identifier: GPL-2.0-only
"""The watch over time: nothing counts twice, no flood of records keeps it from its other work."""

import signal
import subprocess
import time

import pytest

import memwatch

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"


@pytest.fixture
def hot():
    """A process that does nothing but small copies, until it is told to stop."""
    process = subprocess.Popen([LAZYWRITE, "--mode", "eager", "--chunk", "64",
                                "--writes", "2000000000"], stdout=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("links", ["multi", "plain"])
def test_exec_counts_no_copy_twice(links, tmp_path):
    """The shell's probes in libc serve the program that it executes: no point has two."""
    truth_path = tmp_path / "truth.jsonl"
    run = memwatch.run("--links", links, "--flush", "flush_accumulator", "--", "sh", "-c",
                       f"exec {LAZYWRITE} --writes 900000 --chunk 1K --truth {truth_path}")
    truth = memwatch.read_lines(truth_path)
    true_bytes = sum(record["bytes"] for record in truth)
    # Beside the flushes a shell and a loader copy names: some kilobytes.
    assert run.summary["copied_bytes"] <= true_bytes + 100_000
    by_index = {record["start_ns"]: record for record in truth}
    assert run.of("flush")
    for flush in run.of("flush"):
        inside = [r for start, r in by_index.items()
                  if flush["start_ns"] <= start < flush["start_ns"] + flush["duration_ns"]]
        (record,) = inside
        assert flush["copies"] <= record["copies"]


def test_a_full_ring_does_not_keep_it_from_ending(hot):
    start_s = time.monotonic()
    run = memwatch.run("--min-bytes", "0", "--duration", "1s", "--pid", hot.pid, "-q",
                       deadline_s=30)
    assert run.status == 0
    assert run.of("copy")
    assert time.monotonic() - start_s < 10
    assert hot.poll() is None


def test_a_full_ring_loses_no_process():
    """Every copy is a record here, more than can be read; the processes are told apart from them."""
    script = (f"{LAZYWRITE} --mode eager --chunk 64 --writes 3000000 & "
              f"for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; {LAZYWRITE} --writes 10; done; wait")
    run = memwatch.run("--min-bytes", "1", "--", "sh", "-c", script)
    execs = {child["pid"] for child in run.of("child") if child["event"] == "exec"}
    # The hot one, and ten times sleep and lazywrite.
    assert len(execs) == 21
    assert run.summary["losses"]["life_events"] == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command_after_duration(stop):
    with memwatch.Watch("--duration", "300ms", "-q", "--", "sleep", "60") as watch:
        watch.wait_for("summary")
        time.sleep(0.5)
        watch.process.send_signal(stop)
        assert watch.finish(5).status == 128 + stop


def test_a_signal_twice_leaves_at_once():
    with memwatch.Watch("-q", "--", "sh", "-c", "trap '' TERM; sleep 5") as watch:
        watch.wait_for("child")
        time.sleep(0.3)
        watch.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        watch.process.send_signal(signal.SIGTERM)
        watch.wait_for("summary", deadline_s=2)
        # The command lives on, and holds the pipes; memwatch is gone.
        assert watch.process.wait(timeout=2) == 128 + signal.SIGINT


def test_children_that_are_due_at_the_end_are_told(tmp_path):
    script = "for i in $(seq 30); do sleep 3 & done; exit 0"
    run = memwatch.run("--", "sh", "-c", script)
    children = {child["pid"] for child in run.of("child")}
    assert len(children) == run.summary["processes_seen"]


SQLITE = """
import time
import sqlite3
time.sleep(0.5)
database = sqlite3.connect(":memory:", isolation_level=None)
database.execute("create table t (x)")
for _ in range({inserts}):
    database.execute("insert into t values (zeroblob(100000))")
"""


def test_a_library_that_is_loaded_later_is_watched():
    """sqlite3 comes with python3, by dlopen(); each insert is one sqlite3_step()."""
    steps = {}
    for inserts in (100, 300):
        run = memwatch.run("--flush", "libsqlite3:sqlite3_step", "--", "/usr/bin/python3", "-c",
                           SQLITE.format(inserts=inserts))
        function = run.function("sqlite3_step")
        assert function["calls"] == function["ended"]
        steps[inserts] = function["calls"]
        (library,) = [child for child in run.of("child") if child["event"] == "library"]
        assert library["watched"]
        assert 0 < library["unwatched_ns"] < 500_000_000
        assert run.summary["worst_unwatched_ns"] == library["unwatched_ns"]
    assert steps[300] - steps[100] == 200
