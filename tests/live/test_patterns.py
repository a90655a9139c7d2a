# SPDX-License-Identifier: GPL-2.0-only
"""What a pattern may name, and what is said of one that names something else."""

import subprocess

import pytest

import memwatch

PATTERNS = memwatch.TARGETS / "patterns"
ROUNDS, OWN_COPY_BYTES = 50, 100


class Target:
    """The target, waiting: its process and where its functions are in memory."""

    def __init__(self):
        self.process = subprocess.Popen([str(PATTERNS)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        places = [int(place, 16) for place in self.process.stdout.readline().split()]
        self.compact_log, self.own_copy = places

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()


def offset_of(program, name):
    """Of a function in the file."""
    symbols = subprocess.run(["readelf", "-sW", program], capture_output=True, text=True)
    (vaddr,) = {int(line.split()[1], 16) for line in symbols.stdout.splitlines()
                if line.split()[-1:] == [name]}
    segments = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True)
    for line in segments.stdout.splitlines():
        fields = line.split()
        if fields[:1] == ["LOAD"]:
            offset, start, size = int(fields[1], 16), int(fields[2], 16), int(fields[4], 16)
            if start <= vaddr < start + size:
                return vaddr - start + offset
    raise AssertionError(f"{name} is nowhere")


def watch_target(target, *options):
    """Watches the waiting target to its end: gives the target's status and the run."""
    with memwatch.Watch("--pid", target.process.pid, "--min-time", 0, *options) as watch:
        watch.wait_for("child", pid=target.process.pid, event="attach")
        target.process.stdin.write("\n")
        target.process.stdin.flush()
        target.process.wait(timeout=20)
        return target.process.returncode, watch.finish()


# ---- places ----

@pytest.mark.parametrize("role", ["--flush", "--copy", "--writes"])
@pytest.mark.parametrize("within", [1, 2, 3, 5])
def test_place_within_a_function_is_refused(role, within):
    begin = offset_of(PATTERNS, "compact_log")
    wrong = f"patterns:+{begin + within:#x}"
    with Target() as target:
        status, run = watch_target(target, role, wrong)
    assert status == 0
    assert run.status == 1
    assert (f"{wrong} is not where a function begins; the function around it (compact_log) "
            f"begins at +{begin:#x}") in run.stderr


@pytest.mark.parametrize("role", ["--flush", "--copy"])
def test_address_within_a_function_is_refused(role):
    with Target() as target:
        wrong = f"{target.compact_log + 1:#x}"
        status, run = watch_target(target, role, wrong)
    assert status == 0
    assert run.status == 1
    assert (f"{wrong} is not where a function begins; the function around it (compact_log) "
            f"begins at {target.compact_log:#x}") in run.stderr


def test_place_that_is_no_code_is_refused():
    run = memwatch.run("--flush", "patterns:+0x0", "--flush", "patterns:+0x7fffffff", "--",
                       PATTERNS)
    assert run.status == 1
    assert "patterns:+0x0 is no code of" in run.stderr
    assert "patterns:+0x7fffffff lies past the code of" in run.stderr


def test_an_address_leads_to_its_offset():
    begin = offset_of(PATTERNS, "compact_log")
    run = memwatch.run("--flush", f"./patterns:{begin:#x}", "--flush", "0x10", "--", PATTERNS)
    assert run.status == 1
    assert f"did you mean patterns:+{begin:#x}?" in run.stderr
    assert "no code at '0x10' came in any watched process; no file's code" in run.stderr


@pytest.mark.parametrize("by_address", [False, True])
def test_places_where_functions_begin(by_address):
    with Target() as target:
        flush, copy = f"{target.compact_log:#x}", f"{target.own_copy:#x}"
        if not by_address:
            flush = f"patterns:+{offset_of(PATTERNS, 'compact_log'):#x}"
            copy = f"patterns:+{offset_of(PATTERNS, 'own_copy'):#x}"
        status, run = watch_target(target, "--flush", flush, "--copy", copy)
    assert (status, run.status) == (0, 0), run.stderr
    flushes = run.of("flush")
    assert [f["copies"] for f in flushes] == [2] * ROUNDS
    assert [f["copied_bytes"] for f in flushes] == \
           [i + OWN_COPY_BYTES for i in range(1, ROUNDS + 1)]


# ---- names ----

def build_namesakes(folder):
    """Two parts, each with a static flush() of its own."""
    source = memwatch.ROOT / "tests/live/targets/namesakes.c"
    program = folder / "namesakes"
    for part in (1, 2):
        subprocess.run(["cc", "-O2", f"-DPART={part}", "-c", source,
                        "-o", folder / f"part{part}.o"], check=True)
    subprocess.run(["cc", "-o", program, folder / "part1.o", folder / "part2.o"], check=True)
    return program


def test_all_functions_of_one_name_are_watched(tmp_path):
    program = build_namesakes(tmp_path)
    run = memwatch.run("--flush", "flush", "--min-time", 0, "--", program)
    assert run.status == 0, run.stderr
    assert f"2 functions are called flush in {program}; both are watched" in run.stderr
    # Each second call ends in a part that was moved away.
    assert [f["copied_bytes"] for f in run.of("flush")] == [100, 0, 200, 0] * 5
    assert run.function("flush")["ended"] == 20
    assert run.summary["unmatched_ends"] == 0


def test_single_return_is_not_timed():
    run = memwatch.run("--flush", "single_return", "--", PATTERNS)
    assert "single_return in" in run.stderr
    assert "it is a single return: nothing to time" in run.stderr
    assert "single_return in patterns" not in run.summary["watched"]
    assert any(watched.startswith("memmove in") for watched in run.summary["watched"])
    run = memwatch.run("--writes", "single_return", "--", PATTERNS)
    assert run.summary["writes"] == ROUNDS


def test_what_a_glob_leaves_out_is_said_once():
    run = memwatch.run("--flush", "libc.so.6:*", "--dry-run", "--", PATTERNS)
    assert run.stderr.count("functions match --flush") == 1
    assert run.stderr.count("IFUNC") == 1


@pytest.mark.parametrize("routine", ["memmove", "memcpy"])
@pytest.mark.parametrize("role", ["--flush", "--writes"])
def test_copy_routine_is_counted_anyway(role, routine):
    run = memwatch.run(role, f"libc:{routine}", "--", PATTERNS)
    assert run.status == 1
    assert (f"{routine} in libc.so.6 is a copy routine chosen when it is loaded: "
            "its copies are counted anyway") in run.stderr
    assert "closest" not in run.stderr


def test_library_without_its_version():
    run = memwatch.run("--flush", "libc:usleep", "--flush", "libzz:usleep", "--", PATTERNS)
    assert run.status == 1
    assert "'libzz:usleep' came in any watched process; no mapped file is called libzz" \
           in run.stderr
    assert "'libc:usleep'" not in run.stderr


def test_inlined_copy_is_named():
    run = memwatch.run("--flush", "inlined_copy", "--", PATTERNS)
    assert run.status == 0
    assert run.stderr.count("inlined_copy in patterns contains rep movs at 0x") == 1


def test_ends_in_a_copy_routine_are_said():
    run = memwatch.run("--flush", "append", "--min-time", 0, "--", PATTERNS)
    assert run.status == 0
    assert run.stderr.count("ends of append lie in memmove") == 1
    # The copy is the last thing that it does, so it is counted within it.
    assert [f["copied_bytes"] for f in run.of("flush")] == list(range(1, ROUNDS + 1))


# ---- static programs ----

@pytest.mark.parametrize("options", [["-static"], ["-static-pie"]])
def test_copies_of_a_static_program(tmp_path, options):
    """Its slots are filled by itself, past its entry point."""
    program = tmp_path / "lazywrite"
    sources = [memwatch.ROOT / "workloads" / name
               for name in ("lazywrite.c", "lazybuf.c", "truth.c", "arguments.c")]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-pthread", *options, "-o", program, *sources],
                   check=True)
    truth_path = tmp_path / "truth.jsonl"
    run = memwatch.run("--flush", "flush_accumulator", "--min-time", 0, "--", program, "--writes", 4000,
                       "--limit", 400, "--pause", "50ms", "--truth", truth_path)
    assert run.status == 0, run.stderr
    assert "no copy routine" not in run.stderr
    truth = memwatch.read_lines(truth_path)
    reported = run.of("flush")
    assert len(truth) == 10
    assert [(f["copies"], f["copied_bytes"]) for f in reported[-9:]] == \
           [(true["copies"], true["bytes"]) for true in truth[-9:]]
