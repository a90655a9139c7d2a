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


COPYING = """
import ctypes, sys, time
into, source = bytearray(3 << 20), bytes(3 << 20)
address = ctypes.addressof(ctypes.c_char.from_buffer(into))
print("ready", flush=True)
for line in sys.stdin:
    for pause_ms in map(int, line.split()):
        ctypes.memmove(address, source, 3 << 20)
        time.sleep(pause_ms / 1000)
"""


def test_the_last_of_several_copies_is_told_of_without_another():
    """Only a record that finds memwatch asleep wakes it; those that follow are looked for."""
    target = subprocess.Popen(["/usr/bin/python3", "-c", COPYING], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    made = 0
    try:
        assert target.stdout.readline() == "ready\n"
        with memwatch.Watch("--pid", target.pid) as watch:
            watch.wait_for("child", watched=True)
            for pauses in ("0", "0 0 0", "1 1", "3 3", "4 4 4", "5", "6 6", "9 9", "0 " * 30):
                target.stdin.write(pauses + "\n")
                target.stdin.flush()
                made += len(pauses.split())
                watch.wait_for("copy", count=made, deadline_s=5, bytes=3 << 20)
            watch.interrupt()
            run = watch.finish()
    finally:
        target.kill()
        target.communicate()
    assert len([copy for copy in run.of("copy") if copy["bytes"] == 3 << 20]) == made
