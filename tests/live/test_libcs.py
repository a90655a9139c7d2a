# SPDX-License-Identifier: GPL-2.0-only
"""Programs with different C libraries, in one tree of processes, and what they load later."""

import json
import os
import signal
import subprocess
import time

import memwatch
import symbols
import truth as truths

FLUSH = ["--flush", "flush_accumulator", "--min-time", "0"]
KINDS = ["musl", "musl-static", "static", "static-pie"]


def test_one_tree_with_several_libcs(tmp_path):
    """A shell of glibc's executes one of each, and they run at once."""
    command = ""
    for kind in KINDS:
        command += (f"{memwatch.VARIANTS}/lazywrite-{kind} --writes 40000 --limit 4000 --chunk 3K "
                    f"--wait --truth {tmp_path}/{kind} & ")
    with memwatch.Watch(*FLUSH, "--", "/bin/sh", "-c", command + "wait") as watch:
        children = watch.wait_for("child", count=len(KINDS), event="exec", watched=True)
        for child in children:
            wait_until_it_waits(child["pid"])
            os.kill(child["pid"], signal.SIGUSR1)
        run = watch.finish()
    assert run.status == 0, run.stderr
    truth = [true for kind in KINDS for true in memwatch.read_lines(tmp_path / kind)]
    assert len(truth) == 10 * len(KINDS)
    truths.check_counts(run.of("flush"), truth)
    truths.check_nothing_lost(run)


def wait_until_it_waits(pid):
    """In sigwait(), which is rt_sigtimedwait (128): before that the signal would end it."""
    for _ in range(1000):
        with open(f"/proc/{pid}/syscall") as syscall:
            if syscall.read().startswith("128 "):
                return
        time.sleep(0.01)
    raise AssertionError(f"{pid} never waited")


def test_a_plugin_that_musl_loads():
    """Named before it is there: its flushes are timed, its copies counted."""
    host = subprocess.Popen(
        [memwatch.TARGETS / "musl-host", memwatch.TARGETS / "musl-plugin.so"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert host.stdout.readline() == "started\n"
        with memwatch.Watch("--pid", host.pid, "--flush", "plugin_flush", "--min-time",
                            "0") as watch:
            watch.wait_for("child", pid=host.pid, event="attach", watched=True)
            host.stdin.write("\n")
            assert host.stdout.readline() == "loaded\n"
            watch.wait_for("child", pid=host.pid, event="library", watched=True)
            stdout, _ = host.communicate("\n", timeout=memwatch.DEADLINE_S)
            run = watch.finish()
    finally:
        host.kill()
        host.communicate()
    truth = [int(line) for line in stdout.split()]
    assert run.status == 0 and len(truth) == 5
    assert [(flush["copies"], flush["copied_bytes"]) for flush in run.of("flush")] == \
           [(1, size) for size in truth]


def test_ends_in_a_stripped_musl():
    """Whose functions' bounds nobody states: a flush that ends in one is timed all the same."""
    tailing = memwatch.TARGETS / "musl-tailing"
    stripped = memwatch.TARGETS / "musl-tailing-stripped"
    place = f"{stripped.name}:+{symbols.offset_of(tailing, 'flush_pieces'):#x}"
    run = memwatch.run("--min-time", "0", "--flush", place, "--", stripped)
    truth = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.status == 0 and len(truth) == 10
    assert [{key: flush[key] for key in truth[0]} for flush in run.of("flush")] == truth
    seen = run.function(place)
    assert (seen["calls"], seen["ended"], seen["unfinished"]) == (10, 10, 0)
    assert "unseen_starts" not in seen and "had begun" not in run.stderr


def test_calls_that_may_have_begun_before_the_watch():
    """An end that lies in fflush does not tell of them, so the report does."""
    target = subprocess.Popen([memwatch.TARGETS / "musl-tailing", "wait"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        with memwatch.Watch("--pid", target.pid, "--flush", "flush_pieces") as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            target.communicate("\n", timeout=memwatch.DEADLINE_S)
            run = watch.finish()
    finally:
        target.kill()
        target.communicate()
    seen = run.function("flush_pieces")
    assert (seen["calls"], seen["ended"], seen["unseen_starts"]) == (10, 10, 1)
    assert "before the probes of 1 process were live" in " ".join(run.stdout.split())
