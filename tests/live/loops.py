# SPDX-License-Identifier: GPL-2.0-only
"""Python programs whose io.StringIO stalls, for memwatch to watch."""

import subprocess

import pytest

PYTHON = "/usr/bin/python3"
# The write that joins all before it is the one that brings them to this number.
LIMIT = 100_000
WATCH_JOIN = ["--flush", "PyUnicode_Join"]

FILL = """
import io, json, os, sys, time
def fill(writes, chunk):
    buffer, text = io.StringIO(), "x" * chunk
    for _ in range(writes):
        buffer.write(text)
"""

# WRITES CHUNK: prints those that bring the limit.
TIMED_FILL = """
writes, chunk = map(int, sys.argv[1:])
buffer, text = io.StringIO(), "x" * chunk
for i in range(1, writes + 1):
    start_ns = time.monotonic_ns()
    buffer.write(text)
    if i % 100_000 == 0:
        took_ns = time.monotonic_ns() - start_ns
        print(json.dumps({"start_ns": start_ns, "duration_ns": took_ns}))
"""


def require_lazy_stringio():
    """CPython 3.12 has no lazy StringIO any more: there is nothing to see in it."""
    code = "import sys; print(*sys.version_info[:2])"
    version = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    major, minor = map(int, version.stdout.split())
    if (major, minor) >= (3, 12):
        pytest.skip(f"{PYTHON} is {major}.{minor}: io.StringIO is not lazy from 3.12 on")


def write(tmp_path, name, code):
    path = tmp_path / name
    path.write_text(FILL + code)
    return path


def check_join(flush, chunk, copies=LIMIT):
    assert flush["function"] == "PyUnicode_Join"
    assert (flush["copies"], flush["copied_bytes"]) == (copies, copies * chunk)
