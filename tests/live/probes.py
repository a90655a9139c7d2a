# SPDX-License-Identifier: GPL-2.0-only
"""Where memwatch says that its probes would stand, and what stands there in a process."""

import re
import subprocess
from typing import NamedTuple

import memwatch

BREAKPOINT = 0xCC


class Probe(NamedTuple):
    path: str
    offset: int  # in the file
    what: str    # copy, entry, end, write, loader


def dry_run(*arguments, env=None):
    """Gives the finished process; .stdout holds the plan."""
    return subprocess.run([memwatch.MEMWATCH, "--dry-run", *memwatch.with_every_copy(arguments)],
                          env=env, capture_output=True, text=True, timeout=memwatch.DEADLINE_S)


def parse(plan):
    probes, path = [], None
    for line in plan.splitlines():
        if file := re.fullmatch(r"  (/\S+)", line):
            path = file[1]
        elif point := re.match(r"    \+0x([0-9a-f]+) +(\w+) ", line):
            probes.append(Probe(path, int(point[1], 16), point[2]))
    return probes


def planned(*arguments, env=None):
    finished = dry_run(*arguments, env=env)
    assert finished.returncode == 0, finished.stderr
    probes = parse(finished.stdout)
    assert probes, finished.stdout
    return probes


def addresses(pid, probes):
    """Each probe's address in the process: where its file is mapped executable."""
    maps = []
    with open(f"/proc/{pid}/maps") as lines:
        for line in lines:
            fields = line.split()
            if "x" in fields[1] and len(fields) > 5:
                start, end = (int(text, 16) for text in fields[0].split("-"))
                offset = int(fields[2], 16)
                maps.append((fields[5], offset, offset + end - start, start))
    found = []
    for probe in probes:
        (address,) = [start + probe.offset - first for path, first, last, start in maps
                      if path == probe.path and first <= probe.offset < last]
        found.append(address)
    return found


class Places:
    """The bytes at some probes' places in a running process."""

    def __init__(self, pid, probes):
        self.memory = open(f"/proc/{pid}/mem", "rb", buffering=0)
        self.addresses = addresses(pid, probes)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.memory.close()

    def bytes(self):
        found = []
        for address in self.addresses:
            self.memory.seek(address)
            found += self.memory.read(1)
        return found


def file_bytes(probes):
    found = []
    for probe in probes:
        with open(probe.path, "rb") as file:
            file.seek(probe.offset)
            found += file.read(1)
    return found
