# SPDX-License-Identifier: GPL-2.0-only
"""Each way into a copy routine counts once, whoever stands in front of it."""

import os
import re
import subprocess

import memwatch
import probes
import pytest

GLIBC = ["memmove", "memcpy", "mempcpy", "bcopy", "__memmove_chk", "__memcpy_chk",
         "__mempcpy_chk"]
MUSL = GLIBC[:4]
SHIMS = ["jump", "call", "helper", "next", "own", "both", "rust"]


def doors(run, stdout):
    """The doors that the target went through, and each copy of its size found as one record."""
    lines = [line.split() for line in stdout.splitlines() if len(line.split()) == 2]
    sizes = [int(size) for _, size in lines]
    assert run.status == 0, run.stderr
    assert [copy["bytes"] for copy in run.of("copy")] == sizes
    assert run.summary["large_copies"] == len(sizes)
    largest = [c for c in run.summary["size_classes"] if c["to_bytes"] >= sizes[0]]
    assert sum(c["copies"] for c in largest) == len(sizes)
    assert sum(c["bytes"] for c in largest) == sum(sizes)
    assert run.summary["lost_events"] == 0
    return [name for name, _ in lines]


def launch(name, *options):
    run = memwatch.run(*options, "--", memwatch.TARGETS / name)
    return run, run.stdout


def attach(name, preload=None):
    env = dict(os.environ, **({"LD_PRELOAD": str(preload)} if preload else {}))
    target = subprocess.Popen([memwatch.TARGETS / name, "--wait"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert target.stdout.readline() == "waiting\n"
        with memwatch.Watch("--pid", target.pid) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            stdout, _ = target.communicate("\n", timeout=memwatch.DEADLINE_S)
            run = watch.finish()
    finally:
        target.kill()
        target.communicate()
    assert target.returncode == 0
    return run, stdout


@pytest.mark.parametrize("start", [launch, attach])
@pytest.mark.parametrize("name, expected", [
    ("doors", GLIBC), ("doors-static", GLIBC), ("doors-static-pie", GLIBC),
    ("doors-musl", MUSL), ("doors-musl-static", MUSL)])
def test_each_door_counts_once(start, name, expected):
    assert doors(*start(name)) == expected


@pytest.mark.parametrize("tunable", [
    "Prefer_No_AVX512_Probing", "-AVX512F", "-AVX512F,-AVX512VL", "-AVX512F,-AVX512VL,-ERMS",
    "-AVX512F,-AVX512VL,-AVX2,-AVX", "-AVX512F,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM",
    "-AVX512F,-AVX512VL,-AVX2,-AVX,-Fast_Unaligned_Copy"])
def test_whatever_implementation_the_loader_chose(monkeypatch, tunable):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=" + tunable)
    assert doors(*launch("doors")) == GLIBC
    assert doors(*launch("doors-static")) == GLIBC


@pytest.mark.parametrize("shim", [shim for shim in SHIMS if shim != "next"])
def test_a_routine_of_the_programs_own(shim):
    assert doors(*launch(f"doors-own-{shim}")) == GLIBC


@pytest.mark.parametrize("shim", SHIMS)
def test_a_preloaded_routine(shim):
    assert doors(*attach("doors", memwatch.TARGETS / f"libshim-{shim}.so")) == GLIBC


def test_a_routine_without_a_point_is_refused_alone():
    run, stdout = launch("doors-static", "--copy", "bare_copy")
    assert doors(run, stdout) == GLIBC
    (line,) = [line for line in run.stderr.splitlines() if "bare_copy" in line
               and line.startswith("memwatch:")]
    assert "can't be counted" in line


@pytest.mark.parametrize("name, options", [
    ("doors", []), ("patterns", ["--copy", "own_copy", "--copy", "inlined_copy"])])
def test_each_point_has_the_name_of_its_own_routine(name, options):
    """The names of the doors that lead to it are said beside it."""
    plan = probes.dry_run("--gate", "0", *options, "--", memwatch.TARGETS / name).stdout
    points = re.findall(r" copy +(\S+)\n.*: (.*) pass(?:es)?;", plan)
    assert len(points) > len(options) // 2, plan
    assert all(routine in passing.split(", ") for routine, passing in points), plan
    assert set(options[1::2]) <= {routine for routine, _ in points}, plan
