# SPDX-License-Identifier: GPL-2.0-only
"""memwatch stays with its target through exec and fork, touches no other process, and lets go."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import loops
import memwatch
import probes
import pytest
import truth as truths

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
FLUSH = ["--flush", "flush_accumulator"]
SECOND_NS = 1_000_000_000
PROMPT_S = 0.5

# Busy for some seconds, and done by itself even if a test fails.
BUSY = ["--writes", 1_500_000, "--limit", 50_000, "--chunk", 700, "--threads", 4]


def copy_places(env):
    plan = probes.planned("--", LAZYWRITE, env={**os.environ, **env})
    return {probe.offset for probe in plan if probe.what == "copy"}


@pytest.fixture(scope="module")
def tunables():
    """GLIBC_TUNABLES that make glibc pick a memmove where none of the plain run's probes is."""
    plain = copy_places({})
    for features in ("-AVX512VL", "-AVX512F,-AVX512VL", "-AVX2_Usable,-AVX2", "-ERMS"):
        value = f"glibc.cpu.hwcaps={features}"
        if copy_places({"GLIBC_TUNABLES": value}) - plain:
            return value
    raise AssertionError("always the same memmove here: the tests with tunables prove nothing")


@pytest.mark.parametrize("command", [
    ["/bin/sh", "-c", 'export GLIBC_TUNABLES="$1"; shift; exec "$@"', "sh", "{}"],
    ["/usr/bin/env", "GLIBC_TUNABLES={}"],
], ids=["sh", "env"])
def test_exec_with_another_memmove(tmp_path, command, tunables):
    path = tmp_path / "truth.jsonl"
    arguments = ["--writes", 50_000, "--limit", 5_000, "--pause", "100ms", "--truth", path]
    run = memwatch.run(*FLUSH, "--min-time", "0", "--",
                       *[word.replace("{}", tunables) for word in command], LAZYWRITE, *arguments)
    (child,) = [record for record in run.of("child") if record["event"] == "exec"]
    assert run.status == 0 and child["watched"] and 0 < child["unwatched_ns"] < SECOND_NS
    check_from(run.of("flush"), memwatch.read_lines(path), child["at_ns"])


MANY_NAMES = """
	.text
	.altmacro
	.macro name number
	.type name_\\number, @function
name_\\number:
	.endm
	.set number, 0
	.rept 150000
	name %number
	.set number, number + 1
	.endr
	.section .note.GNU-stack,"",@progbits
"""


def build_large(folder):
    """lazywrite with 900,000 names: memwatch reads them for longer than the program starts."""
    names = folder / "names.s"
    names.write_text(MANY_NAMES)
    subprocess.run(["cc", "-c", names, "-o", folder / "names.o"], check=True)
    sources = ["lazywrite", "lazybuf", "arguments", "truth"]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-g", "-pthread", "-o", folder / "large",
                    *[memwatch.ROOT / f"workloads/{source}.c" for source in sources],
                    *[folder / "names.o"] * 6], check=True)
    return folder / "large"


def build_preloads(folder):
    """Libraries that the loader maps before libc: for some ms, the process has none."""
    empty = folder / "empty.c"
    empty.write_text("int empty;\n")
    first = folder / "libempty0.so"
    subprocess.run(["cc", "-shared", "-nostdlib", "-o", first, empty], check=True)
    copies = [folder / f"libempty{i}.so" for i in range(1, 100)]
    for copy in copies:
        shutil.copyfile(first, copy)
    return ":".join(map(str, [first, *copies]))


def test_exec_of_a_program_whose_names_take_long_to_read(tmp_path):
    program, truth = build_large(tmp_path), tmp_path / "truth.jsonl"
    arguments = ["--wait", "--writes", 3_000, "--limit", 1_000, "--truth", truth]
    with memwatch.Watch(*FLUSH, "--min-time", 0, "--", "/usr/bin/env",
                        f"LD_PRELOAD={build_preloads(tmp_path)}", program, *arguments) as watch:
        (child,) = watch.wait_for("child", event="exec")
        os.kill(child["pid"], signal.SIGUSR1)
        run = watch.finish()
    assert (run.status, child["watched"]) == (0, True), run.stderr
    assert "no copy routine found" not in run.stderr
    truths.check_counts(run.of("flush"), memwatch.read_lines(truth))


def check_from(flushes, truth, live_ns):
    """Every flush that began after the probes were live is there, and exact."""
    seen = [flush for flush in flushes if flush["start_ns"] >= live_ns]
    expected = [true for true in truth if true["start_ns"] >= live_ns]
    assert len(expected) >= len(truth) // 2
    truths.check_counts(seen, expected)


FORK_SERVER = """
pids = []
for number in range(20):
    pid = os.fork()
    if not pid:
        time.sleep(0.2)
        fill(100_001, 10 + number)
        os._exit(0)
    pids.append(pid)
    assert os.waitpid(pid, 0) == (pid, 0)
print(json.dumps(pids))
"""


def test_twenty_children_one_after_another(tmp_path):
    loops.require_lazy_stringio()
    program = loops.write(tmp_path, "server.py", FORK_SERVER)
    run = memwatch.run(*loops.WATCH_JOIN, "--", loops.PYTHON, program)
    pids = json.loads(run.stdout)
    assert run.status == 0 and [flush["pid"] for flush in run.of("flush")] == pids
    for number, flush in enumerate(run.of("flush")):
        loops.check_join(flush, 10 + number)
    children = {child["pid"]: child for child in run.of("child") if child["event"] == "fork"}
    assert sorted(children) == sorted(pids)
    for child in children.values():
        assert child["watched"] and 0 < child["unwatched_ns"] < SECOND_NS
    assert run.summary["processes_seen"] == run.summary["processes_watched"] == 21
    assert run.summary["lost_events"] == 0


@contextlib.contextmanager
def attached(pid, *options):
    with memwatch.Watch("--pid", pid, *FLUSH, *options) as watch:
        watch.wait_for("child", pid=pid, event="attach", watched=True)
        yield watch


def test_a_bystander_is_not_touched():
    with memwatch.Waiting(LAZYWRITE, *BUSY) as target, \
         memwatch.Waiting(LAZYWRITE, *BUSY) as bystander:
        plan = probes.planned("--pid", target.pid, *FLUSH)
        assert {probe.what for probe in plan} >= {"copy", "entry", "end"}
        with probes.Places(target.pid, plan) as watched, \
             probes.Places(bystander.pid, plan) as spared, \
             attached(target.pid) as watch:
            target.go()
            bystander.go()
            assert set(watched.bytes()) == {probes.BREAKPOINT}
            assert spared.bytes() == probes.file_bytes(plan)
            bystander_status, bystander_truth = bystander.finish()
            target_status, target_truth = target.finish()
            run = watch.finish()
    assert bystander_status == target_status == run.status == 0
    assert {flush["pid"] for flush in run.of("flush")} == {target.pid}
    assert run.function("flush_accumulator")["calls"] == len(target_truth)
    assert len(bystander_truth) == len(target_truth)


def wait_until_clean(places, plan, deadline_s):
    end = time.monotonic() + deadline_s
    while places.bytes() != probes.file_bytes(plan):
        assert time.monotonic() < end, f"still there: {places.bytes()}"
        time.sleep(0.01)


@pytest.mark.parametrize("ending", ["ctrl-c", "duration"])
def test_nothing_stays_behind(ending):
    options = ["--duration", "1s"] if ending == "duration" else []
    with memwatch.Waiting(LAZYWRITE, *BUSY, "--pause", "5ms") as target:
        plan = probes.planned("--pid", target.pid, *FLUSH)
        with probes.Places(target.pid, plan) as places:
            with attached(target.pid, *options) as watch:
                target.go()
                assert set(places.bytes()) == {probes.BREAKPOINT}
                if ending == "ctrl-c":
                    watch.wait_for("flush")
                    watch.interrupt()
                run = watch.finish()
            assert target.process.poll() is None, "the target ended first: this proves nothing"
            wait_until_clean(places, plan, PROMPT_S)
        status, truth = target.finish()
    assert status == run.status == 0 and truth
    assert run.of("flush") and run.summary["lost_events"] == 0


def test_ctrl_c_gives_the_report_at_once():
    with memwatch.Waiting(LAZYWRITE, *BUSY) as target, attached(target.pid) as watch:
        target.go()
        watch.wait_for("flush", count=4)
        start_s = time.monotonic()
        watch.interrupt()
        watch.process.wait(timeout=20)
        took_s = time.monotonic() - start_s
        run = watch.finish()
        assert target.process.poll() is None, "the target ended first: this proves nothing"
    assert run.status == 0 and "flush_accumulator" in run.stdout
    assert run.function("flush_accumulator")["calls"] >= 4
    assert took_s < PROMPT_S
