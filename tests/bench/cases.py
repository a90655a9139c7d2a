# SPDX-License-Identifier: GPL-2.0-only
"""What memwatch is attached to, and what was promised for it."""

import contextlib
import struct
import subprocess
from typing import NamedTuple

import attach

FOLDER = attach.BUILD / "bench"
MANY = 200
# Function 0 of big.py, as people write it.
CXX_NAME = "bench::space0::Owner0::method0"
# As long as the names that it is compared with: length alone rules none out.
ABSENT_NAME = "bench_functoin_250000"


class Case(NamedTuple):
    name: str
    pids: list
    arguments: tuple = ()
    limit_ms: int | None = None  # until all probes are live
    said: str | None = None      # not until they are live, but until memwatch says this


def file_offset(path, name):
    """Where a function lies in a file: its address in the segment that holds it."""
    symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    (address,) = [int(line.split()[0], 16) for line in symbols.splitlines()
                  if line.endswith(f" {name}")]
    with open(path, "rb") as file:
        header = file.read(64)
        first, size, count = (*struct.unpack_from("<Q", header, 32),
                              *struct.unpack_from("<HH", header, 54))
        file.seek(first)
        segments = [struct.unpack_from("<IIQQQQ", file.read(size)) for _ in range(count)]
    (offset,) = [address - vaddr + start for kind, _, start, vaddr, _, held in segments
                 if kind == 1 and vaddr <= address < vaddr + held]
    return offset


@contextlib.contextmanager
def started():
    """Starts all targets; gives the cases. The first one is the control of all others."""
    with contextlib.ExitStack() as stack:
        def pid_of(*command):
            return stack.enter_context(attach.Target(*command)).pid

        def python_pid():
            return stack.enter_context(attach.python_target()).pid

        place = f"big-stripped:+{file_offset(FOLDER / 'big-plain', 'bench_flush'):#x}"
        plain, cxx = pid_of(FOLDER / "big-plain"), pid_of(FOLDER / "big-cxx")
        python = python_pid()
        yield [
            Case("tiny C program (the control)", [pid_of(FOLDER / "idle")]),
            Case("python3", [python], limit_ms=150),
            Case("python3, --flush NAME", [python], ("--flush", "PyUnicode_Join"), 150),
            Case("200 MB stripped, asleep, --flush +OFF", [pid_of(FOLDER / "big-stripped")],
                 ("--flush", place), 500),
            Case("200 MB stripped, running, --flush +OFF",
                 [pid_of(FOLDER / "big-stripped", "run")], ("--flush", place), 500),
            Case("500,000 symbols, --flush NAME", [plain], ("--flush", "bench_flush")),
            Case("500,000 symbols, no such name: closest", [plain], ("--flush", ABSENT_NAME),
                 said=f"'{ABSENT_NAME}'"),
            Case("500,000 C++ names, --flush A::B::NAME", [cxx], ("--flush", CXX_NAME)),
            Case("1,000 threads", [pid_of(FOLDER / "idle", 1000)]),
            Case(f"{MANY} tiny C programs", [pid_of(FOLDER / "idle") for _ in range(MANY)],
                 limit_ms=3000),
            Case(f"{MANY} python3, --flush NAME", [python_pid() for _ in range(MANY)],
                 ("--flush", "PyUnicode_Join"), 3000),
        ]
