# SPDX-License-Identifier: GPL-2.0-only
"""The case that memwatch is for: CPython's io.StringIO, whose 100,000th write copies them all."""

import collections
import json
import re
import subprocess

import loops
import memwatch
import pytest
from loops import PYTHON, WATCH_JOIN

SECOND_NS = 1_000_000_000
# Time for memwatch to be live in a process that has just begun, before anything happens in it.
SETTLE = "time.sleep(0.3)\n"


@pytest.fixture(autouse=True)
def lazy_stringio():
    loops.require_lazy_stringio()


def filling(tmp_path, writes, chunk, before=""):
    return loops.write(tmp_path, "fill.py", f"{before}fill({writes}, {chunk})\n")


def check_watched(run, pid, event):
    """One record says that this process came, and how long it was unwatched."""
    (child,) = [c for c in run.of("child") if c["pid"] == pid and c["event"] == event]
    assert child["watched"] and 0 < child["unwatched_ns"] < SECOND_NS
    return child


@pytest.mark.parametrize("chunk", [100, 1000])
def test_launched(tmp_path, chunk):
    run = memwatch.run(*WATCH_JOIN, "--", PYTHON, filling(tmp_path, 100_001, chunk))
    (flush,) = run.of("flush")
    loops.check_join(flush, chunk)
    assert flush["module"].startswith(("python3", "libpython3"))
    assert run.status == 0 and run.summary["lost_events"] == 0


def test_the_write_before_the_limit(tmp_path):
    run = memwatch.run(*WATCH_JOIN, "--", PYTHON, filling(tmp_path, 99_999, 100))
    assert run.status == 0 and run.of("flush") == []
    watched = run.summary["watched"]
    assert any(name.startswith("PyUnicode_Join in ") for name in watched)
    for name in watched:
        assert f"\n  {name}\n" in run.stderr
    number, unit = re.search(r"the largest\s+([\d.]+)\s+(B|KiB|MiB)", run.stderr).groups()
    bytes_shown = float(number) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[unit]
    assert bytes_shown == pytest.approx(run.summary["largest_copy_bytes"], rel=0.005)


@pytest.mark.parametrize("chunk", [100, 1000])
def test_attached(tmp_path, chunk):
    program = filling(tmp_path, 100_001, chunk, before="sys.stdin.readline()\n")
    with subprocess.Popen([PYTHON, program], stdin=subprocess.PIPE) as target, \
         memwatch.Watch("--pid", target.pid, *WATCH_JOIN) as watch:
        watch.wait_for("child", pid=target.pid, event="attach", watched=True)
        target.communicate(b"go\n", timeout=20)
        run = watch.finish()
    assert target.returncode == run.status == 0
    (flush,) = run.of("flush")
    loops.check_join(flush, chunk)
    assert flush["pid"] == target.pid


def test_a_script_that_ends_in_exec(tmp_path):
    program = filling(tmp_path, 100_001, 100, before=SETTLE)
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\nexec {PYTHON} {program}\n")
    script.chmod(0o755)
    run = memwatch.run(*WATCH_JOIN, "--", script)
    (flush,) = run.of("flush")
    loops.check_join(flush, 100)
    assert run.status == 0
    (launched,) = [child for child in run.of("child") if child["event"] == "launch"]
    child = check_watched(run, launched["pid"], "exec")
    assert flush["pid"] == child["pid"] and flush["start_ns"] > child["at_ns"]


def test_a_pipeline(tmp_path):
    program = filling(tmp_path, 100_001, 100, before=SETTLE + "print(os.getpid())\n")
    run = memwatch.run(*WATCH_JOIN, "--", "/bin/sh", "-c", f"{PYTHON} {program} | cat")
    (flush,) = run.of("flush")
    loops.check_join(flush, 100)
    assert flush["pid"] == int(run.stdout)
    (shell,) = [child for child in run.of("child") if child["event"] == "launch"]
    assert shell["pid"] != flush["pid"]
    assert check_watched(run, flush["pid"], "exec")["parent_pid"] == shell["pid"]


POOL = """
import multiprocessing
def task(_):
    fill(100_001, 50)
    time.sleep(0.05)
    return os.getpid()
if __name__ == "__main__":
    with multiprocessing.Pool(3, initializer=time.sleep, initargs=(0.3,)) as pool:
        print(json.dumps(pool.map(task, range(9), chunksize=1)))
"""


def test_a_pool_of_workers(tmp_path):
    run = memwatch.run(*WATCH_JOIN, "--", PYTHON, loops.write(tmp_path, "pool.py", POOL))
    tasks = collections.Counter(json.loads(run.stdout))
    assert len(tasks) == 3
    assert collections.Counter(flush["pid"] for flush in run.of("flush")) == tasks
    for flush in run.of("flush"):
        loops.check_join(flush, 50)
    for pid in tasks:
        check_watched(run, pid, "fork")
    assert run.summary["processes_watched"] == run.summary["processes_seen"] == 4


def test_children_left_out(tmp_path):
    run = memwatch.run(*WATCH_JOIN, "--no-follow", "--", PYTHON,
                       loops.write(tmp_path, "pool.py", POOL + "    fill(100_001, 60)\n"))
    assert len(json.loads(run.stdout)) == 9
    (flush,) = run.of("flush")
    loops.check_join(flush, 60)
    (child,) = run.of("child")
    assert child["event"] == "launch" and child["pid"] == flush["pid"]
    assert run.summary["processes_seen"] == 1
