# SPDX-License-Identifier: GPL-2.0-only
"""memwatch, its target or its outputs fail in the middle: the target goes on, memwatch says so."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time

import pytest

import memwatch

STEADY = memwatch.TARGETS / "steady"
PR_SET_CHILD_SUBREAPER = 36
PAGE = 4096


class Steady:
    """A target that works until SIGTERM and then says how often, and whether all went right."""

    def __init__(self, threads=2):
        self.process = subprocess.Popen([str(STEADY), str(threads)], stdout=subprocess.PIPE,
                                        text=True)
        self.pid = self.process.pid
        assert json.loads(self.process.stdout.readline()) == {"ready": self.pid}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()

    def assert_unharmed(self):
        """Ends it."""
        self.process.send_signal(signal.SIGTERM)
        stdout, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        assert_right(stdout.splitlines())


def assert_right(lines):
    (truth,) = [json.loads(line) for line in lines if "wrong" in line]
    assert truth["calls"] > 0
    assert truth["wrong"] == 0


def text_mappings(pid):
    """Start, end, file offset and path of what is executable and comes from a file."""
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            words = line.split(maxsplit=5)
            if words[1] == "r-xp" and len(words) == 6 and words[5].startswith("/"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                yield start, end, int(words[2], 16), words[5].strip()


def changed_pages(pid):
    """Pages of code that are not as in their file: those that hold a breakpoint."""
    changed = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, offset, path in text_mappings(pid):
            with open(path, "rb") as file:
                file.seek(offset)
                wanted = file.read(end - start)
            memory.seek(start)
            seen = memory.read(len(wanted))
            changed += [f"{os.path.basename(path)}+{offset + at:#x}"
                        for at in range(0, len(wanted), PAGE)
                        if seen[at:at + PAGE] != wanted[at:at + PAGE]]
    return changed


def assert_clean(pid, deadline_s=2):
    end = time.monotonic() + deadline_s
    while changed_pages(pid):
        assert time.monotonic() < end, f"breakpoints left: {changed_pages(pid)}"
        time.sleep(0.02)


def watch_steady(target, *options):
    return memwatch.Watch(*options, "--flush", "churn", "--pid", target.pid)


@contextlib.contextmanager
def launched_steady():
    """Gives memwatch and the pid of what it launched, which does not outlive a failed test."""
    with memwatch.Watch("--flush", "churn", "--", STEADY, 2) as watch:
        (child,) = watch.wait_for("child", event="launch", watched=True)
        try:
            assert watch.process.stdout.readline()
            yield watch, child["pid"]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child["pid"], signal.SIGKILL)


def wait_until_hot(watch, pid):
    watch.wait_for("child", pid=pid, watched=True)
    assert any("steady" in page for page in changed_pages(pid))
    assert any("libc" in page for page in changed_pages(pid))
    time.sleep(0.1)


@pytest.fixture
def subreaper():
    """What memwatch launched and left behind becomes a child of this process."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


# ---- memwatch leaves ----

@pytest.mark.parametrize("links, rounds", [("auto", 5), ("plain", 2)])
def test_attach_and_detach_while_it_works(links, rounds):
    with Steady() as target:
        assert changed_pages(target.pid) == []
        for _ in range(rounds):
            with watch_steady(target, f"--links={links}") as watch:
                wait_until_hot(watch, target.pid)
                watch.interrupt()
                run = watch.finish()
            assert run.status == 0
            assert run.function("churn")["calls"] > 0
            assert run.summary["lost_events"] == 0
            assert_clean(target.pid)
        target.assert_unharmed()


@pytest.mark.parametrize("links", ["auto", "plain"])
def test_killed_while_attached(links):
    with Steady() as target:
        with watch_steady(target, f"--links={links}") as watch:
            wait_until_hot(watch, target.pid)
            watch.process.kill()
            watch.process.wait()
            assert_clean(target.pid)
        target.assert_unharmed()


def test_killed_with_a_launched_command(subreaper):
    with launched_steady() as (watch, pid):
        wait_until_hot(watch, pid)
        watch.process.kill()
        watch.process.wait()
        assert_clean(pid)
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert_right(watch.process.stdout.readlines())


def test_sigterm_is_passed_on_to_a_launched_command():
    with launched_steady() as (watch, _):
        watch.process.send_signal(signal.SIGTERM)
        run = watch.finish(20)
    assert run.status == 0
    (truth,) = [json.loads(line) for line in run.stdout.splitlines()]
    assert truth["wrong"] == 0
    assert run.function("churn")["calls"] == run.function("churn")["ended"] == truth["calls"]


def test_duration():
    with Steady() as target:
        with watch_steady(target, "--duration=1s") as watch:
            wait_until_hot(watch, target.pid)
            hot_at = time.monotonic()
            run = watch.finish(20)
            # It counts from when the probes were live; setting and removing them adds to it.
            assert time.monotonic() - hot_at < 2
        assert run.status == 0
        assert run.summary["wall_ns"] >= 1e9
        assert_clean(target.pid)
        target.assert_unharmed()


# ---- the target stops or leaves ----

def test_attached_target_is_killed():
    with Steady() as target, watch_steady(target) as watch:
        wait_until_hot(watch, target.pid)
        target.process.kill()
        run = watch.finish(1)
    assert run.status == 0
    assert run.function("churn")["calls"] > 0
    assert run.summary["lost_events"] == 0


def test_launched_target_is_killed():
    with launched_steady() as (watch, pid):
        wait_until_hot(watch, pid)
        os.kill(pid, signal.SIGKILL)
        run = watch.finish(1)
    assert run.status == 128 + signal.SIGKILL
    seen = run.function("churn")
    assert seen["calls"] == seen["ended"] + seen["unfinished"] + seen["abandoned"]


def test_target_is_stopped_while_memwatch_attaches():
    with Steady() as target:
        os.kill(target.pid, signal.SIGSTOP)
        with watch_steady(target) as watch:
            watch.wait_for("child", pid=target.pid, watched=True)
            os.kill(target.pid, signal.SIGCONT)
            time.sleep(0.2)
            watch.interrupt()
            run = watch.finish()
        assert run.status == 0
        assert run.function("churn")["calls"] > 0
        assert_clean(target.pid)
        target.assert_unharmed()


def test_twenty_targets():
    targets = [Steady(1) for _ in range(20)]
    pids = [target.pid for target in targets]
    try:
        with memwatch.Watch("--flush", "churn", "-p", ",".join(map(str, pids))) as watch:
            watch.wait_for("child", len(pids), watched=True)
            assert all(changed_pages(pid) for pid in pids)
            time.sleep(0.2)
            watch.interrupt()
            run = watch.finish()
        assert run.status == 0
        assert run.summary["processes_watched"] == len(pids)
        assert sorted(child["pid"] for child in run.of("child")) == sorted(pids)
        for target in targets:
            assert_clean(target.pid)
            target.assert_unharmed()
    finally:
        for target in targets:
            target.__exit__()


# ---- outputs that take nothing ----

def run_with_stdout(stdout, pid, *options):
    return subprocess.run([str(memwatch.MEMWATCH), "--pid", str(pid), "--flush", "churn",
                           "--duration", "200ms", *options],
                          stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=30)


def assert_one_complaint(run, *words):
    (line,) = run.stderr.splitlines()
    assert all(word in line for word in ("can't write", *words)), line
    assert run.returncode == 1


@pytest.mark.parametrize("options", [[], ["--json=-", "-o", os.devnull], ["-o", "-"]])
def test_nobody_reads_the_report(options):
    reader, writer = os.pipe()
    os.close(reader)
    with Steady() as target:
        try:
            run = run_with_stdout(writer, target.pid, *options)
        finally:
            os.close(writer)
        assert_one_complaint(run, "Broken pipe")
        assert_clean(target.pid)
        target.assert_unharmed()


@pytest.mark.parametrize("options", [["-o", "/dev/full"], ["--json", "/dev/full"]])
def test_disk_is_full(options):
    with Steady() as target:
        run = run_with_stdout(subprocess.DEVNULL, target.pid, *options)
        assert_one_complaint(run, "/dev/full", "No space left")
        assert_clean(target.pid)
        target.assert_unharmed()


def test_launched_command_survives_a_full_disk():
    with memwatch.Watch("-o", "/dev/full", "--", memwatch.TARGETS / "crowd", "pool", 10) as watch:
        run = watch.finish()
    (truth,) = [json.loads(line) for line in run.stdout.splitlines()]
    assert truth["ended"] == 10
    (line,) = run.stderr.splitlines()
    assert "can't write to /dev/full" in line
    assert run.status == 1
