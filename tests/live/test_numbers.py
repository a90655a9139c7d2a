# SPDX-License-Identifier: GPL-2.0-only
"""Many threads, many processes, many children one after another."""

import contextlib
import os
import subprocess

import pytest

import memwatch
import truth as truths

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
FUNCTION = "flush_accumulator"
WATCH = ["--flush", FUNCTION, "--min-time", "0"]


@pytest.mark.parametrize("start", [truths.launch, truths.attach])
def test_a_thousand_threads(tmp_path, start):
    arguments = ["--threads", 1000, "--writes", 400, "--limit", 200, "--chunk", 1000]
    run, truth = start(tmp_path, WATCH, "lazywrite", arguments)
    assert run.status == 0, run.stderr
    assert len(truths.by_thread(truth)) == 1000
    truths.check_counts(run.of("flush"), truth)
    truths.check_nothing_lost(run)
    truths.check_function_sums(run, FUNCTION, truth)


def test_two_hundred_processes_at_once():
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(memwatch.Waiting(LAZYWRITE, "--writes", 400, "--limit", 200))
                   for _ in range(200)]
        pids = ",".join(str(target.pid) for target in targets)
        with memwatch.Watch("--pid", pids, *WATCH, "-o", os.devnull) as watch:
            watch.wait_for("child", count=200, event="attach", watched=True)
            for target in targets:
                target.go()
            truth = [true for target in targets for true in target.finish()[1]]
            run = watch.finish()
    assert run.status == 0, run.stderr
    assert len(truth) == 400
    truths.check_counts(run.of("flush"), truth)
    truths.check_nothing_lost(run)


CHILDREN = """
import os, time
for _ in range({children}):
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {{}}), 0)
time.sleep(8)
"""


def test_thousands_of_short_children():
    """Each is told of, watched or not, and none leaves anything behind in memwatch."""
    children, open_files, resident_kb = 3000, [], 0
    with memwatch.Watch("-o", os.devnull, "--", "/usr/bin/python3", "-c",
                        CHILDREN.format(children=children)) as watch:
        while watch.process.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
                open_files.append(len(os.listdir(f"/proc/{watch.process.pid}/fd")))
                with open(f"/proc/{watch.process.pid}/status") as status:
                    (line,) = [line for line in status if line.startswith("RssAnon")]
                resident_kb = max(resident_kb, int(line.split()[1]))
            with contextlib.suppress(subprocess.TimeoutExpired):
                watch.process.wait(0.05)
        run = watch.finish()
    assert run.status == 0, run.stderr
    assert len({child["pid"] for child in run.of("child")}) == children + 1
    for child in run.of("child"):
        assert child["watched"] or child["reason"]
        # The names the kernel told of are kept, also of one that was gone when it was looked at.
        assert child["comm"] in ("python3", "true")
    assert run.summary["processes_seen"] == children + 1
    assert run.summary["lost_events"] == 0
    # Removing the links of the dead takes 50 ms each, some at a time: after a while none is left.
    # That is a second before the end, when memwatch closes all that it has.
    assert open_files[-20] < 200 < max(open_files) and resident_kb < 32 << 10
