# SPDX-License-Identifier: GPL-2.0-only
"""A gate counts each copy from its size on, once, whichever way it goes, and no smaller one."""

import collections
import json
import os
import re
import signal

import memwatch
import probes
import pytest

GATES = [1, 100, 129, 300, 513, 2048, 2113, 4096, 10_000, 1 << 20, 4 << 20]
# Where glibc's variants part their copies: by their vectors, and 8 of them at once.
STEPS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 511,
         512, 1023, 1024, 1025, 2111, 2112, 8192, 65_536, 524_288]
VARIANTS = [
    "Prefer_No_AVX512_Probing", "-AVX512F", "-AVX512F,-AVX512VL", "-AVX512F,-AVX512VL,-ERMS",
    "-AVX512F,-AVX512VL,-AVX2,-AVX", "-AVX512F,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM",
    "-AVX512F,-AVX512VL,-AVX2,-AVX,-Fast_Unaligned_Copy"]
THRESHOLDS = [
    "glibc.cpu.x86_rep_movsb_threshold=16384",
    "glibc.cpu.x86_rep_movsb_threshold=600",
    "glibc.cpu.x86_rep_movsb_threshold=1000000000",
    "glibc.cpu.x86_non_temporal_threshold=16448",
    "glibc.cpu.x86_non_temporal_threshold=1000000:glibc.cpu.x86_rep_movsb_threshold=3000",
    "glibc.cpu.x86_shared_cache_size=100000:glibc.cpu.x86_data_cache_size=4096"]
# The C library's own copies are smaller; the gate that stands by default lets these pass.
BELOW_ALL_OF_LIBC = 1 << 16
COPY_ALL = ["--flush", "copy_all", "--min-time", "0"]
GO_COPY_ALL = ["--flush", "main.copyAll", "--min-time", "0"]


def sizes_for(gate):
    return sorted({*STEPS, max(gate - 1, 0), gate, gate + 1, 3 * gate})


def truth_of(stdout):
    truth = [json.loads(line) for line in stdout.splitlines()]
    assert truth, "the target said nothing"
    assert not any(true["wrong"] for true in truth)
    for true in truth:
        true["copies"] = {int(size): count for size, count in true["copies"].items()}
    return truth


def counted(true, gate):
    """What of a thread's copies is to be counted: copies, bytes."""
    passing = {size: count for size, count in true["copies"].items() if size >= gate}
    return sum(passing.values()), sum(size * count for size, count in passing.items())


def check_summary(run):
    """Its sums are those of its parts, and nothing is missing."""
    classes = run.summary["size_classes"]
    assert run.summary["copies"] == sum(c["copies"] for c in classes)
    assert run.summary["copied_bytes"] == sum(c["bytes"] for c in classes)
    assert run.summary["lost_events"] == 0 and set(run.summary["losses"].values()) == {0}
    assert run.summary["unmatched_ends"] == 0
    assert run.of("budget") == []


def check_large_classes(run, truth, gate):
    for c in run.summary["size_classes"]:
        if c["from_bytes"] < BELOW_ALL_OF_LIBC:
            continue
        inside = [(size, count) for true in truth for size, count in true["copies"].items()
                  if c["from_bytes"] <= size <= c.get("to_bytes", size) and size >= gate]
        assert c["copies"] == sum(count for _, count in inside), c
        assert c["bytes"] == sum(size * count for size, count in inside), c


def check_spans(run, truth, gate):
    """One span for each thread: what was copied within it."""
    assert run.status == 0, run.stderr
    found = sorted((flush["copies"], flush["copied_bytes"]) for flush in run.of("flush"))
    assert found == sorted(counted(true, gate) for true in truth), f"--gate {gate}"
    check_large_classes(run, truth, gate)
    check_summary(run)


def launch(program, gate, *arguments, options=COPY_ALL, env=None):
    run = memwatch.run("--gate", gate, *options, "--", memwatch.TARGETS / program, *arguments,
                       *sizes_for(gate), env={**os.environ, **(env or {})})
    return run, truth_of(run.stdout)


# ---- each linking, launched and attached ----

@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("program", ["sizes", "sizes-static", "sizes-musl-static"])
def test_launched(program, gate):
    check_spans(*launch(program, gate, 3, 3), gate)


@pytest.mark.parametrize("gate", [129, 2113, 1 << 20])
@pytest.mark.parametrize("program", ["sizes-static-pie", "sizes-musl"])
def test_launched_in_other_linkings(program, gate):
    check_spans(*launch(program, gate, 3, 3), gate)


def attach(program, gate, *arguments, options=COPY_ALL):
    """Unlike the others' targets this one has its truth on stdout."""
    command = [memwatch.TARGETS / program, *arguments, *sizes_for(gate)]
    with memwatch.Signalled(*command) as target:
        with memwatch.Watch("--gate", gate, *options, "--pid", target.pid) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            target.go()
            stdout = target.output()
            return watch.finish(), truth_of(stdout)


@pytest.mark.parametrize("gate", [1, 300, 2048, 10_000, 4 << 20])
@pytest.mark.parametrize("program", ["sizes", "sizes-static", "sizes-musl"])
def test_attached(program, gate):
    check_spans(*attach(program, gate, "--wait", 3, 3), gate)


@pytest.mark.parametrize("gate", GATES)
def test_go(gate):
    run, truth = launch("gosizes", gate, "-workers", 3, "-rounds", 5, options=GO_COPY_ALL)
    check_spans(run, truth, gate)


@pytest.mark.parametrize("gate", [256, 257, 2048, 1 << 20])
def test_go_attached(gate):
    check_spans(*attach("gosizes", gate, "-wait", "-workers", 3, options=GO_COPY_ALL), gate)


def test_go_and_c_in_one_program():
    """Each by the gates of its own routine: Go's copies have 100 bytes, those in C 300."""
    run = memwatch.run("--gate", 256, "--flush", "main.goFlush", "--flush", "c_flush",
                       "--min-time", "0", "--", memwatch.TARGETS / "mixedgo")
    truth = json.loads(run.stdout)
    for name, expected in {"main.goFlush": [0, 0], "c_flush": truth["c"]}.items():
        flushes = [flush for flush in run.of("flush") if flush["function"] == name]
        assert [[f["copies"], f["copied_bytes"]] for f in flushes] == [expected] * truth["calls"]
    check_summary(run)


# ---- each variant of the routine, and other thresholds ----

@pytest.mark.parametrize("gate", [129, 2113, 10_000, 1 << 20])
@pytest.mark.parametrize("variant", VARIANTS)
def test_whatever_implementation_the_loader_chose(variant, gate):
    env = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + variant}
    check_spans(*launch("sizes", gate, 2, 2, env=env), gate)


@pytest.mark.parametrize("gate", [513, 2113, 1 << 20])
@pytest.mark.parametrize("tunables", THRESHOLDS)
def test_other_thresholds(tunables, gate):
    check_spans(*launch("sizes", gate, 2, 2, env={"GLIBC_TUNABLES": tunables}), gate)


@pytest.mark.parametrize("gate", [2113, 1 << 20])
def test_other_thresholds_in_a_static_program(gate):
    env = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=16384"}
    check_spans(*launch("sizes-static", gate, 2, 2, env=env), gate)


def block_go():
    """So that the signal may come before the target waits for it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])


@pytest.mark.parametrize("gate", [2113, 10_000])
@pytest.mark.parametrize("tunables", [
    "glibc.cpu.x86_rep_movsb_threshold=16384", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-ERMS"])
def test_exec_with_other_tunables(tunables, gate):
    """The gates of the program before stand elsewhere, or prove something else, in this one."""
    command = ["/usr/bin/env", f"GLIBC_TUNABLES={tunables}", memwatch.TARGETS / "sizes", "--wait",
               2, 3, *sizes_for(gate)]
    with memwatch.Watch("--gate", gate, *COPY_ALL, "--", *command, preexec=block_go) as watch:
        (child,) = watch.wait_for("child", event="exec", watched=True)
        os.kill(child["pid"], signal.SIGUSR1)
        run = watch.finish()
    check_spans(run, truth_of(run.stdout), gate)


@pytest.mark.parametrize("gate", [2113, 1 << 20])
def test_children_of_several_kinds(tmp_path, gate):
    """Each is planned for itself, by what it holds when it starts."""
    sizes = " ".join(map(str, sizes_for(gate)))
    kinds = ["sizes", "sizes-static", "sizes-musl"]
    script = "".join(f"{memwatch.TARGETS}/{kind} --wait 2 2 {sizes} >{tmp_path}/{kind} & "
                     for kind in kinds)
    with memwatch.Watch("--gate", gate, *COPY_ALL, "--", "/bin/sh", "-c", script + "wait",
                        preexec=block_go) as watch:
        for child in watch.wait_for("child", count=len(kinds), event="exec", watched=True):
            os.kill(child["pid"], signal.SIGUSR1)
        run = watch.finish()
    check_spans(run, [true for kind in kinds for true in truth_of((tmp_path / kind).read_text())],
                gate)


def test_a_flag_of_the_programs_own_may_turn_at_any_time():
    """It is no threshold that could be read once: both ways have a gate."""
    run = memwatch.run("--gate", 2048, "--copy", "own_copy", *COPY_ALL, "--",
                       memwatch.TARGETS / "flagged", 1000)
    larges = int(run.stdout)
    (flush,) = run.of("flush")
    assert (flush["copies"], flush["copied_bytes"]) == (larges, larges * 4096)
    check_summary(run)


# ---- each copy by itself ----

@pytest.mark.parametrize("gate", [1, 129, 2048, 10_000])
def test_each_copy_is_told_of_once(gate):
    """Outside any span, each copy is a record of its own."""
    run, truth = launch("sizes", gate, 2, 2, options=["--min-bytes", 1])
    for true in truth:
        first, behind = true["arena"]
        mine = [copy for copy in run.of("copy") if first <= copy["dst_addr"] < behind]
        found = collections.Counter(copy["bytes"] for copy in mine)
        assert found == collections.Counter({size: count for size, count in true["copies"].items()
                                             if size >= gate})
        assert {copy["tid"] for copy in mine} == {true["tid"]}
    assert min(copy["bytes"] for copy in run.of("copy")) >= gate
    assert run.summary["copies"] == len(run.of("copy"))
    check_summary(run)


def test_a_gate_of_0_counts_every_copy():
    check_spans(*launch("sizes", 0, 2, 2), 0)


# ---- by default ----

LARGE_BYTES, LARGES = 1 << 20, 20
SMALLS = 10_000_000


def mixture(small_bytes, smalls, large_bytes=LARGE_BYTES, larges=LARGES, options=()):
    run = memwatch.run("--gate", "auto", *options, "--", memwatch.TARGETS / "mixture", small_bytes,
                       smalls, large_bytes, larges)
    assert run.status == 0, run.stderr
    return run, [json.loads(line) for line in run.stdout.splitlines()]


def check_mixture(run, truth):
    assert [copy["bytes"] for copy in run.of("copy")] == [true["bytes"] for true in truth]
    for copy, true in zip(run.of("copy"), truth):
        assert true["start_ns"] <= copy["start_ns"] <= true["end_ns"]
    assert run.summary["large_copies"] == len(truth)
    check_summary(run)


@pytest.mark.parametrize("small_bytes", [64, 256])
def test_small_copies_cost_nothing_by_default(small_bytes):
    """Ten million of them hit no probe, and hide none of the large ones."""
    without, truth = mixture(small_bytes, 0)
    check_mixture(without, truth)
    run, truth = mixture(small_bytes, SMALLS)
    check_mixture(run, truth)
    # A hit where each large one begins; the few others are what the loader and printf() happen to
    # copy.
    for found in (without, run):
        assert LARGES <= found.summary["probe_hits"] <= LARGES + 10


@pytest.mark.parametrize("program, arguments", [
    ("sizes", [3, 5]), ("sizes-static", [3, 5]), ("sizes-static-pie", [3, 5]),
    ("gosizes", ["-workers", 3, "-rounds", 5])])
def test_every_large_copy_is_seen_by_default(program, arguments):
    """Whatever other copies there are, whichever way it goes; and all from the gate on."""
    sizes = [*STEPS, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 5 * LARGE_BYTES]
    run = memwatch.run("--gate", "auto", "--", memwatch.TARGETS / program, *arguments, *sizes)
    truth = truth_of(run.stdout)
    expected = collections.Counter()
    for true in truth:
        expected.update({size: n for size, n in true["copies"].items() if size >= LARGE_BYTES})
    assert run.status == 0, run.stderr
    assert collections.Counter(copy["bytes"] for copy in run.of("copy")) == expected
    assert run.summary["large_copies"] == expected.total()
    check_large_classes(run, truth, BELOW_ALL_OF_LIBC)
    check_summary(run)


# ---- the time of a copy ----

def test_the_time_of_large_copies():
    """Within what the target's own clocks enclose, and close to it."""
    run, truth = mixture(64, 1000, 64 << 20, 10, options=["--time-copies"])
    check_mixture(run, truth)
    for copy, true in zip(run.of("copy"), truth):
        assert copy["start_ns"] + copy["duration_ns"] <= true["end_ns"]
    shares = sorted(copy["duration_ns"] / (true["end_ns"] - true["start_ns"])
                    for copy, true in zip(run.of("copy"), truth))
    # What is between the clocks beside the copy is the cost of two hits, 20 times smaller.
    assert shares[len(shares) // 2] >= 0.95


def test_the_time_of_copies_within_a_flush(tmp_path):
    path = tmp_path / "truth.jsonl"
    run = memwatch.run("--gate", "auto", "--time-copies", "--flush", "consume_front",
                       "--min-time", "0", "--", memwatch.WORKLOADS / "shiftbuf", "--messages", 20,
                       "--message", "4K", "--backlog", 20_000, "--truth", path)
    truth = memwatch.read_lines(path)
    flushes = run.of("flush")
    assert [flush["copied_bytes"] for flush in flushes] == [true["bytes"] for true in truth]
    for flush, true in zip(flushes, truth):
        assert 0 < flush["copy_ns"] <= true["duration_ns"] <= flush["duration_ns"]
    check_summary(run)


# ---- the plan ----

# Jumps, push, nops that a leaf's red zone survives, call: what the kernel emulates. Of jumps that
# are taken by %rcx and of those with a prefix none.
EMULATED = re.compile(rb"[\x70-\x7f]|\x0f[\x80-\x8f]|\xeb|\xe9|\xe8|(\x41)?[\x50-\x57]|"
                      rb"\x90|\x66\x90|\x0f\x1f(?!\x44\x00\x00)")
PROOF = re.compile(r"copies of [^;]*\d bytes pass")


def code_at(path, offset):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(15)


def is_emulated(path, offset):
    return EMULATED.match(code_at(path, offset)) is not None


def places_of(plan):
    """Of each probe on copies: its file, its offset, what is said of it; those the budget would set
    as well, which are told of by the name of the file alone."""
    found, path, paths = [], None, {}
    lines = plan.splitlines()
    for line, after in zip(lines, [*lines[1:], ""]):
        if file := re.fullmatch(r"  (/\S+)", line):
            path = paths[os.path.basename(file[1])] = file[1]
        elif point := re.match(r"    \+0x([0-9a-f]+) +copy ", line):
            found.append((path, int(point[1], 16), after.strip()))
        elif point := re.match(r"      \+0x([0-9a-f]+) in ([^:]+): (.*)", line):
            found.append((paths[point[2]], int(point[1], 16), point[3]))
    return found


@pytest.mark.parametrize("gate", ["auto", 129, 2113, 1 << 20])
@pytest.mark.parametrize("program, variant", [
    *(("sizes", variant) for variant in VARIANTS), ("sizes-static", "-AVX512F")])
def test_dry_run_shows_cheap_points_and_what_they_prove(program, variant, gate):
    finished = probes.dry_run("-v", "--gate", gate, "--", memwatch.TARGETS / program, env={
        **os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + variant})
    assert finished.returncode == 0, finished.stderr
    places = places_of(finished.stdout)
    assert places, finished.stdout
    for path, offset, words in places:
        assert is_emulated(path, offset), (words, code_at(path, offset).hex())
        assert PROOF.search(words), words
        assert re.search(r"emulated; about [\d.,]+ (ns|us) a hit$", words), words
    if gate == "auto":
        assert "those of at least" in finished.stdout


def test_dry_run_says_that_musl_has_no_gate():
    finished = probes.dry_run("-v", "--gate", "auto", "--", memwatch.TARGETS / "sizes-musl")
    assert finished.returncode == 0 and "no gate" in finished.stderr + finished.stdout


# ---- gates that let smaller copies pass ----

def test_gate_that_smaller_copies_pass_is_said_once():
    """In three processes of one libc; a dry run says the same, and what is counted."""
    twice = f"{memwatch.TARGETS / 'sizes'} & {memwatch.TARGETS / 'sizes'} & wait"
    run = memwatch.run("--gate", "16K", "--", "/bin/sh", "-c", twice)
    lines = [line for line in run.stderr.splitlines() if "smaller copies" in line]
    assert len(lines) == 1 and "libc.so.6" in lines[0], run.stderr
    assert "--gate of 16,384 bytes" in lines[0] and re.search(
        r"memmove: from [\d,]+ bytes on", lines[0])
    dry = probes.dry_run("--gate", "16K", "--", memwatch.TARGETS / "sizes")
    assert dry.stderr.splitlines() == lines
    assert "those of at least 16,384 bytes" in dry.stdout


def test_gate_that_no_smaller_copy_passes_is_not_spoken_of():
    """Go's memmove parts its copies at 257 bytes."""
    for gate, is_said in ((257, False), (258, True)):
        dry = probes.dry_run("--gate", gate, "--", memwatch.TARGETS / "gosizes")
        said = [line for line in dry.stderr.splitlines() if "gosizes as well" in line]
        assert len(said) == is_said, dry.stderr
