# SPDX-License-Identifier: GPL-2.0-only
"""Targets that see other files than memwatch does, or whose files are not what they were."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import memwatch
import probes
import truth as truths

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
FUNCTION = "flush_accumulator"
WATCH = ["--flush", FUNCTION, "--writes", "lazy_write", "--min-time", "0"]
FLUSHES, LIMIT, CHUNK = 4, 3000, 700
WORK = ["--writes", FLUSHES * LIMIT, "--limit", LIMIT, "--chunk", CHUNK]


def shell(script, *wrap):
    """A command that runs the script with $0 = lazywrite, and with its arguments."""
    return [*wrap, "sh", "-ec", script, LAZYWRITE]


def private_tmpfs(_folder):
    script = 'mount -t tmpfs none /mnt; cp "$0" /mnt/hidden; exec /mnt/hidden "$@"'
    return shell(script, "unshare", "-m", "-p", "--fork", "--mount-proc"), "/mnt/hidden"


def user_namespace(_folder):
    return shell('exec "$0" "$@"', "unshare", "-U", "-r", "-m", "-p", "--fork"), str(LAZYWRITE)


def linked_files(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def changed_root(folder):
    for file in linked_files(LAZYWRITE):
        copy = folder / file.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    shutil.copy(LAZYWRITE, folder / "inside")
    # The truth's path is the same within the new root and without.
    (folder / folder.relative_to("/")).parent.mkdir(parents=True)
    (folder / folder.relative_to("/")).symlink_to("/")
    return ["chroot", folder, "/inside"], f"{folder}/inside"


def overlay(folder, prepare):
    """Upper and lower files lie in file systems of their own, whose inodes have equal numbers."""
    script = f"""
        cd {folder}
        mkdir -p lower upper merged
        mount -t tmpfs none lower
        mount -t tmpfs none upper
        mkdir upper/files upper/work
        cp "$0" lower/program
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper/files,workdir=upper/work merged
        {prepare}
        exec merged/program "$@" """
    return shell(script, "unshare", "-m"), f"{folder}/merged/program"


def lower_layer(folder):
    return overlay(folder, "")


def upper_layer(folder):
    return overlay(folder, "touch merged/program; test -s upper/files/program")


FROM_MEMORY = """
import os, sys
fd = os.memfd_create("program")
with open(sys.argv[1], "rb") as file:
    os.write(fd, file.read())
os.execve(fd, sys.argv[1:], os.environ)
"""


def file_in_memory(_folder):
    return [sys.executable, "-c", FROM_MEMORY, LAZYWRITE], "/memfd:program (deleted)"


def of_a_file(folder, meanwhile):
    program = folder / "program"
    shutil.copy(LAZYWRITE, program)
    return [program], str(program), meanwhile(program)


def deleted(folder):
    return of_a_file(folder, lambda program: program.unlink)


def replaced(folder):
    def replace(program):
        def by_another():
            program.unlink()
            shutil.copy("/bin/true", program)
        return by_another
    return of_a_file(folder, replace)


SIGTIMEDWAIT = "128"  # what sigwait() is for the kernel, on x86-64
VIEWS = [private_tmpfs, user_namespace, changed_root, lower_layer, upper_layer,
         file_in_memory, deleted, replaced]


@pytest.fixture
def folder():
    """Not pytest's own, which are for root alone."""
    with tempfile.TemporaryDirectory(prefix="memwatch-test-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


def children(pid):
    with contextlib.suppress(FileNotFoundError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from children(child)


def wait_until_waiting(pid, deadline_s=10):
    """Gives the process, this or a descendant, that runs lazywrite and waits for its signal."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        for each in [pid, *children(pid)]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if pathlib.Path(f"/proc/{each}/syscall").read_text().split()[0] == SIGTIMEDWAIT:
                    return each
        time.sleep(0.01)
    raise AssertionError("the workload did not come to wait for its signal")


def launch(view, folder, truth_path):
    command, path, *meanwhile = view(folder)
    with memwatch.Watch(*WATCH, "--", *command, *WORK, "--wait", "--truth", truth_path) as watch:
        pid = wait_until_waiting(watch.process.pid)
        # The shell before it had this pid as well.
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
        watch.wait_for("child", pid=pid, watched=True, comm=comm)
        for change in meanwhile:
            change()
        os.kill(pid, signal.SIGUSR1)
        return watch.finish(), pid, path


def attach(view, folder, truth_path):
    command, path, *meanwhile = view(folder)
    command = [*command, *WORK, "--wait", "--truth", truth_path]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as target:
        try:
            pid = wait_until_waiting(target.pid)
            for change in meanwhile:
                change()
            shown = f"{path} (deleted)" if meanwhile else path
            assert f"  {shown}" in probes.dry_run("--pid", pid, *WATCH).stdout.splitlines()
            with memwatch.Watch("--pid", pid, *WATCH) as watch:
                watch.wait_for("child", pid=pid, watched=True)
                os.kill(pid, signal.SIGUSR1)
                run = watch.finish()
            assert target.wait(memwatch.DEADLINE_S) == 0
        finally:
            target.kill()
    return run, pid, path


def check(run, pid, truth):
    """The truth's thread ids are those of the target's own pid namespace."""
    assert run.status == 0, run.stderr
    assert "warning" not in run.stderr
    assert len(truth) == FLUSHES
    flushes = run.of("flush")
    assert {flush["pid"] for flush in flushes} == {pid}
    for true in truth:
        true["tid"] = pid
    truths.check_counts(flushes, truth)
    truths.check_write_indexes(flushes, truth)
    truths.check_nothing_lost(run)
    truths.check_function_sums(run, FUNCTION, truth)
    assert run.summary["writes"] == FLUSHES * LIMIT


@pytest.mark.parametrize("start", [launch, attach])
@pytest.mark.parametrize("view", VIEWS)
def test_view(view, start, folder):
    truth_path = folder / "truth.jsonl"
    run, pid, path = start(view, folder, truth_path)
    check(run, pid, memwatch.read_lines(truth_path))
    assert {flush["module"] for flush in run.of("flush")} == \
        {os.path.basename(path).removesuffix(" (deleted)")}


def two_programs(folder, script):
    """Runs the script, whose two programs write truth.1 and truth.2, in one watch."""
    run = memwatch.run("--flush", FUNCTION, "--flush", "consume_front", "--min-time", "0", "--",
                       "sh", "-ec", script, cwd=folder)
    assert run.status == 0, run.stderr
    assert "warning" not in run.stderr
    return run, [memwatch.read_lines(folder / f"truth.{number}") for number in (1, 2)]


def check_from(run, function, truth):
    """All that began after the probes were live."""
    flushes = [flush for flush in run.of("flush") if flush["function"] == function]
    (pid,) = {flush["pid"] for flush in flushes}
    live_ns = max(child["at_ns"] for child in run.of("child") if child["pid"] == pid)
    expected = [true for true in truth if true["start_ns"] >= live_ns]
    assert len(expected) >= 5
    truths.check_counts([flush for flush in flushes if flush["start_ns"] >= live_ns], expected)


LAZY = f"--writes {10 * LIMIT} --limit {LIMIT} --pause 30ms"
SHIFT = "--messages 300 --message 777 --backlog 9000"


def test_another_program_in_place_of_the_first(folder):
    """One path, one watch, two files: the second while the first still runs."""
    run, (first, second) = two_programs(folder, f"""
        cp {LAZYWRITE} program
        ./program {LAZY} --truth truth.1 &
        sleep 0.1
        rm program
        cp {memwatch.WORKLOADS}/shiftbuf program
        ./program {SHIFT} --truth truth.2
        wait""")
    check_from(run, FUNCTION, first)
    check_from(run, "consume_front", second)


def test_files_of_two_layers_with_one_inode_number(folder):
    """What maps says of them, device and inode, is the same."""
    run, (first, second) = two_programs(folder, f"""
        exec unshare -m sh -ec '
        mkdir lower upper merged
        mount -t tmpfs none lower
        mount -t tmpfs none upper
        mkdir upper/work upper/files lower/more lower/folders
        cp {LAZYWRITE} lower/first
        cp {memwatch.WORKLOADS}/shiftbuf upper/files/second
        test $(stat -c %i lower/first) = $(stat -c %i upper/files/second)
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper/files,workdir=upper/work merged
        merged/first {LAZY} --truth truth.1
        merged/second {SHIFT} --truth truth.2'""")
    check_from(run, FUNCTION, first)
    check_from(run, "consume_front", second)
