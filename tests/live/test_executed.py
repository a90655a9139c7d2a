# SPDX-License-Identifier: GPL-2.0-only
"""What a watched process may execute, and code that no file backs."""

import struct
import subprocess
import sys

import memwatch
import truth as truths

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
FUNCTION = "flush_accumulator"
WATCH = ["--flush", FUNCTION, "--min-time", "0"]
EXIT, EXECVE, NANOSLEEP = 1, 11, 162  # i386's numbers
NAP_NS = 500_000_000
ADDRESS = 0x8048000


def system_call(number, *arguments):
    """mov $argument,%ebx, %ecx, %edx; mov $number,%eax; int $0x80"""
    registers = zip((0xbb, 0xb9, 0xba, 0xb8), [*arguments, 0, 0, 0][:3] + [number])
    return b"".join(struct.pack("<BI", *pair) for pair in registers) + b"\xcd\x80"


def program_of_32_bits(path, *then):
    """A static i386 program: it sleeps, then executes a command if there is one, and exits."""
    header_bytes = 52 + 32
    call_bytes = len(system_call(0))
    data_addr = ADDRESS + header_bytes + 3 * call_bytes
    words = [str(word).encode() + b"\0" for word in then]
    time = struct.pack("<II", 0, NAP_NS)
    pointers, word_addr = [], data_addr + len(time) + 4 * (len(words) + 1)
    for word in words:
        pointers.append(word_addr)
        word_addr += len(word)
    data = time + struct.pack(f"<{len(words) + 1}I", *pointers, 0) + b"".join(words)
    code = (system_call(NANOSLEEP, data_addr)
            + system_call(EXECVE, (pointers or [0])[0], data_addr + len(time)) + system_call(EXIT))
    size = header_bytes + len(code) + len(data)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1,
                         ADDRESS + header_bytes, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, ADDRESS, ADDRESS, size, size, 5, 4096)
    path.write_bytes(header + segment + code + data)
    path.chmod(0o755)
    return path


def test_exec_to_32_bits_and_back(tmp_path):
    """One process: the shell's 64 bits, 32, and 64 again."""
    truth_path = tmp_path / "truth.jsonl"
    program = program_of_32_bits(tmp_path / "program32", LAZYWRITE, "--writes", 900_000,
                                 "--pause", "50ms", "--truth", truth_path)
    run = memwatch.run(*WATCH, "--", "sh", "-ec", f"exec {program}")
    assert run.status == 0, run.stderr
    _, narrow, back = run.of("child")
    assert narrow["comm"] == "program32" and narrow["event"] == "exec"
    assert not narrow["watched"] and "32-bit" in narrow["reason"]
    # While it slept: no loader is waited for that will never come.
    (header,) = run.of("header")
    assert narrow["at_ns"] - header["start_ns"] < NAP_NS
    assert "did not take" not in run.stderr and "no copy routine" not in run.stderr
    assert back["pid"] == narrow["pid"] and back["comm"] == "lazywrite" and back["watched"]
    truth = [true for true in memwatch.read_lines(truth_path)
             if true["start_ns"] >= back["at_ns"]]
    assert len(truth) >= 5
    truths.check_counts([flush for flush in run.of("flush")
                         if flush["start_ns"] >= back["at_ns"]], truth)


def test_a_script_is_its_interpreter(tmp_path):
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f"#!/bin/sh\n{LAZYWRITE} --writes 900000 --pause 50ms --truth $1\n")
    wrapper.chmod(0o755)
    truth_path = tmp_path / "truth.jsonl"
    run = memwatch.run(*WATCH, "--", "sh", "-c", f"{wrapper} {truth_path}; true")
    assert run.status == 0 and len(run.of("flush")) >= 7
    assert len(memwatch.read_lines(truth_path)) == 9


def test_exec_of_what_is_no_program(tmp_path):
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"\0\1\2\3")
    nothing.chmod(0o755)
    run = memwatch.run(*WATCH, "--", "/usr/bin/python3", "-c", f"""
import os
try:
    os.execv({str(nothing)!r}, ["nothing"])
except OSError as error:
    print(error.errno)
""")
    assert run.status in (0, 1) and run.stdout == "8\n"
    assert all(child["watched"] for child in run.of("child"))


ANONYMOUS = """
import ctypes, mmap, sys, time
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("f3c3"))
print(hex(ctypes.addressof(ctypes.c_char.from_buffer(code))), flush=True)
time.sleep(60)
"""


def test_code_that_no_file_backs():
    # mmap(-1) is shared memory unless it is asked to be private: a file of the kernel's own.
    script = ANONYMOUS.replace("(-1, 4096,", "(-1, 4096, flags=mmap.MAP_PRIVATE,")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                          text=True) as target:
        try:
            address = target.stdout.readline().strip()
            run = memwatch.run("--flush", address, "--duration", "300ms", "--pid", target.pid)
        finally:
            target.kill()
    assert run.status == 1
    assert f"{address} lies in code that no file backs" in run.stderr
    assert "packer" in run.stderr and "no copy routine" not in run.stderr
