# SPDX-License-Identifier: GPL-2.0-only
"""Stripped programs: their names come from debug files, and only from those that are theirs."""

import os
import pathlib
import re

import pytest

import memwatch
import truth as truths
from stripped import LAZYWRITE, Stripped, tool

FLUSH = ["-v", "--flush", "flush_accumulator", "--min-time", "0"]
ARGUMENTS = ["--writes", 40_000, "--limit", 10_000, "--chunk", 700]
STARTS = pytest.mark.parametrize("start", [truths.launch, truths.attach])


def in_own_mounts(folder, program, *commands):
    """A script that starts the program with /usr/lib/debug for itself, as the commands fill it."""
    script = folder / "script"
    steps = ["mount -t tmpfs none /usr/lib/debug", *commands, f'exec {program} "$@"']
    script.write_text("#!/bin/sh\n"
                      f"exec unshare -m sh -e -c '{'; '.join(steps)}' sh \"$@\"\n")
    script.chmod(0o755)
    return script


def check(run, truth):
    assert run.status == 0, run.stderr
    assert len(truth) == 4
    truths.check_counts(run.of("flush"), truth)
    truths.check_nothing_lost(run)
    truths.check_function_sums(run, "flush_accumulator", truth)


def line_of(run, *words):
    """The one line of -v that has these words."""
    (line,) = [line for line in run.stderr.splitlines() if all(str(word) in line for word in words)]
    return line


def assert_nameless(tmp_path, program):
    """Without a debug file that belongs to it, the function is not found: gives the run."""
    run = memwatch.run(*FLUSH, "--", program, *ARGUMENTS)
    assert run.status == 1 and run.of("flush") == []
    assert "its symbols are read from" not in " ".join(
        line for line in run.stderr.splitlines() if str(tmp_path) in line)
    return run


# ---- where debug files are ----

@STARTS
@pytest.mark.parametrize("place", [".", ".debug"])
@pytest.mark.parametrize("build_id", [True, False], ids=["id", "crc"])
def test_by_link(tmp_path, start, place, build_id):
    stripped = Stripped(tmp_path, build_id=build_id)
    name = stripped.add_link()
    (tmp_path / place).mkdir(exist_ok=True)
    stripped.debug.rename(tmp_path / place / name)
    run, truth = start(tmp_path, FLUSH, stripped.path, ARGUMENTS)
    check(run, truth)
    assert line_of(run, "read from", name).endswith(str(tmp_path / place / name))


@pytest.mark.parametrize("by_id", [True, False], ids=["id", "link"])
def test_in_the_targets_own_view(tmp_path, by_id):
    """Behind an absolute symlink that leads nowhere outside the target's mount namespace."""
    stripped = Stripped(tmp_path)
    path = stripped.build_id_path()
    if not by_id:
        path = pathlib.Path(f"/usr/lib/debug{tmp_path}/{stripped.add_link()}")
    script = in_own_mounts(tmp_path, stripped.path, f"mkdir -p {path.parent} /usr/lib/debug/kept",
                           f"mv {stripped.debug} /usr/lib/debug/kept/names",
                           f"ln -s /usr/lib/debug/kept/names {path}")
    run, truth = truths.attach(tmp_path, FLUSH, script, ARGUMENTS)
    check(run, truth)
    assert not path.exists()
    assert line_of(run, stripped.path, "read from").endswith(str(path))


@STARTS
def test_within_the_file(tmp_path, start):
    stripped = Stripped(tmp_path)
    stripped.add_mini_debuginfo()
    run, truth = start(tmp_path, FLUSH, stripped.path, ARGUMENTS)
    check(run, truth)
    assert line_of(run, stripped.path, "read from its mini-debuginfo")


def test_inlined_functions_are_told_from_the_debug_file(tmp_path):
    stripped = Stripped(tmp_path, memwatch.TARGETS / "inlined")
    stripped.add_link()
    run = memwatch.run("--flush", "flush_inside", "--", stripped.path)
    assert "save_all" in run.stderr


@STARTS
def test_without_section_headers(tmp_path, start):
    """By an offset, as no name is left; where the function ends, .eh_frame_hdr leads to."""
    stripped = Stripped(tmp_path)
    (vaddr,) = re.findall(r"^([0-9a-f]+) \w flush_accumulator$", tool("nm", stripped.whole), re.M)
    content = bytearray(stripped.path.read_bytes())
    content[0x28:0x30] = bytes(8)  # e_shoff
    content[0x3c:0x40] = bytes(4)  # e_shnum, e_shstrndx
    stripped.path.write_bytes(content)
    assert "no sections" in tool("readelf", "-S", stripped.path)
    place = f"app:+0x{vaddr}"
    run, truth = start(tmp_path, ["--flush", place, "--min-time", "0"], stripped.path, ARGUMENTS)
    assert run.status == 0, run.stderr
    assert len(truth) == 4
    truths.check_counts(run.of("flush"), truth)
    truths.check_nothing_lost(run)


# ---- what is refused ----

@pytest.mark.parametrize("build_id", [True, False], ids=["id", "crc"])
def test_of_another_build(tmp_path, build_id):
    stripped = Stripped(tmp_path, build_id=build_id)
    name = stripped.add_link()
    (tmp_path / "other").mkdir()
    other = Stripped(tmp_path / "other", memwatch.WORKLOADS / "growbuf", build_id=build_id)
    other.debug.replace(stripped.debug)
    run = assert_nameless(tmp_path, stripped.path)
    assert line_of(run, name, "not used: it belongs to another build")


def make_fifo(path):
    os.mkfifo(path)


def make_device(path):
    # Of the tape that no machine has any more: who opened it would be told so.
    os.mknod(path, 0o020600, os.makedev(9, 0))


@pytest.mark.parametrize("make, words", [
    (make_fifo, "it is no regular file"),
    (make_device, "it is no regular file"),
    (pathlib.Path.mkdir, "it is no regular file"),
    (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    (lambda path: path.write_bytes(b""), "it is no ELF file"),
    (lambda path: path.write_bytes(b"\x7fELF" + bytes(100)), "it is no ELF file"),
], ids=["fifo", "device", "folder", "loop", "empty", "broken"])
def test_something_else_in_its_place(tmp_path, make, words):
    stripped = Stripped(tmp_path)
    name = stripped.add_link()
    stripped.debug.unlink()
    make(stripped.debug)
    run = assert_nameless(tmp_path, stripped.path)
    assert words in line_of(run, name)


def test_a_bomb_in_its_place(tmp_path):
    stripped = Stripped(tmp_path)
    bomb = tmp_path / "bomb"
    with open(bomb, "wb") as file:
        file.truncate(1 << 30)
    tool("xz", "-0", bomb)
    assert os.path.getsize(f"{bomb}.xz") < 1 << 20
    tool("objcopy", "--add-section", f".gnu_debugdata={bomb}.xz", stripped.path)
    run = assert_nameless(tmp_path, stripped.path)
    assert line_of(run, "mini-debuginfo is not used: it is too large when unpacked")
