# SPDX-License-Identifier: GPL-2.0-only
"""Broken files in a target's memory, and patterns made to break: the rest is watched exactly."""

import json
import random
import struct
import subprocess
import time

import pytest

import memwatch

LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
MAPPED = memwatch.TARGETS / "mapped"
LONG = "f" * 65536
MEMORY_KB = 64 * 1024


def counted(library, section_count, program_header_count):
    """The library with other counts in its headers; no e_shnum: the first section's size counts."""
    broken = bytearray(library)
    struct.pack_into("<H", broken, 0x38, program_header_count)
    struct.pack_into("<H", broken, 0x3c, section_count)
    (sections_off,) = struct.unpack_from("<Q", library, 0x28)
    struct.pack_into("<Q", broken, sections_off + 0x20, 1 << 32)
    return bytes(broken)


def long_named(folder):
    """A sound library whose only function has a name of 64 kB."""
    library = folder / "long.so"
    source = f".globl {LONG}\n.type {LONG}, @function\n{LONG}: nop; ret\n.size {LONG}, .-{LONG}\n"
    subprocess.run(["as", "-o", folder / "long.o"], input=source, text=True, check=True)
    subprocess.run(["ld", "-shared", "-o", library, folder / "long.o"], check=True)
    return library


def broken_files(folder):
    with open(LIBC, "rb") as file:
        library = file.read()
    contents = {
        "cut-1": library[:1], "cut-header": library[:63], "cut-segments": library[:500],
        "cut-64k": library[:65536], "cut-half": library[:len(library) // 2],
        "cut-end": library[:-100], "zeros": bytes(1 << 20),
        "garbage": random.Random(3).randbytes(1 << 20),
        "garbage-behind-header": library[:64] + random.Random(4).randbytes(1 << 20),
        "many-sections": counted(library, 0, 14), "most-sections": counted(library, 0xfeff, 14),
        "many-segments": counted(library, 0, 0xffff), "named-oddly-\x1b[31m\n\xff": b"\x7fELF",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents] + [long_named(folder)]


class Mapped:
    """The target, with these files in its memory."""

    def __init__(self, files):
        self.process = subprocess.Popen([MAPPED, *files], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "mapped\n"

    def __enter__(self):
        return self.process

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1])


def watch_mapped(files, *options):
    """Gives the finished run, the target's own count, what memwatch took to attach, its memory."""
    with Mapped(files) as target:
        started = time.monotonic()
        with memwatch.Watch("--pid", target.pid, *options) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            took_s = time.monotonic() - started
            memory_kb = peak_kb(watch.process.pid)
            truth, _ = target.communicate("go\n", timeout=20)
            run = watch.finish()
    copies, copied_bytes = map(int, truth.split())
    return run, (copies, copied_bytes), took_s, memory_kb


def check_flush(run, truth):
    assert run.status == 0, run.stderr
    (flush,) = run.of("flush")
    assert flush["function"] == "flush_all"
    assert (flush["copies"], flush["copied_bytes"]) == truth
    assert run.summary["lost_events"] == 0


@pytest.mark.sanitized
def test_broken_files_in_memory(tmp_path):
    files = broken_files(tmp_path)
    run, truth, took_s, memory_kb = watch_mapped(files, "--min-time=0", "--flush", "flush_all")
    check_flush(run, truth)
    for path in files:
        assert sum(path.name in line for line in run.stderr.splitlines()) <= 1, run.stderr
    # With none of them, it takes a tenth of a second, and a sanitizer's runtime ten times that.
    assert took_s < 10
    assert memory_kb < MEMORY_KB or "asan" in str(memwatch.BUILD), memory_kb


def test_detail_names_each_broken_file_once(tmp_path):
    files = broken_files(tmp_path)
    run, truth, *_ = watch_mapped(files, "-v", "--min-time=0", "--flush", "flush_all")
    check_flush(run, truth)
    said = [line for line in run.stderr.splitlines() if ": not read: " in line]
    for name in ("cut-1", "cut-header", "zeros", "garbage"):
        assert sum(f"/{name}: " in line for line in said) == 1, run.stderr
    assert "\x1b" not in run.stderr


def test_name_of_64_kb(tmp_path):
    """As a pattern, and in the file."""
    run, truth, *_ = watch_mapped([long_named(tmp_path)], "--min-time=0", "--flush", "flush_all",
                                  "--flush", LONG)
    check_flush(run, truth)
    assert run.stderr == ""  # neither is missing


PATTERNS = [LONG + "g", "a<" * 10000, "::" * 10000, "a<" * 500 + ">" * 500, "[" * 1000, "[" * 65536,
            "*a" * 2000, "?" * 65536, "\x1b[31mred\x1b[0m\a", "line\nline\ttab", b"\xff\xfe\xc0\x80",
            b"_Z" + b"N" * 20000, "(" * 20000, "operator<<" * 1000, "lib:" * 1000 + "x",
            "_ZN" + "S_" * 10000, "\\" * 1001]


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_pattern_made_to_break(pattern, tmp_path):
    """One clear line in time, safe for a terminal, and JSON that is UTF-8."""
    files = [long_named(tmp_path)]
    started = time.monotonic()
    run = subprocess.run([memwatch.MEMWATCH, "--json", tmp_path / "json", "-o", tmp_path / "report",
                          "--flush", pattern, "--", MAPPED, *files],
                         input=b"go\n", capture_output=True, timeout=60)
    assert run.returncode in (1, 2), run.stderr
    assert time.monotonic() - started < 10
    lines = run.stderr.decode("utf-8").splitlines()
    assert lines and len(lines) <= 3 and all(line.startswith("memwatch: ") for line in lines), lines
    assert max(map(len, lines)) < 1024
    if run.returncode == 1:
        assert any("came in any watched process" in line for line in lines)
    assert all(character.isprintable() for line in lines for character in line)
    if run.returncode == 1:
        text = (tmp_path / "json").read_bytes().decode("utf-8")
        assert json.loads(text.splitlines()[-1])["type"] == "summary"
