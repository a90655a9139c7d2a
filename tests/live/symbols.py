# SPDX-License-Identifier: GPL-2.0-only
"""Where the functions of a file are, by binutils, for naming them in a file without symbols."""

import re
import subprocess


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def vaddr_of(path, function):
    (vaddr,) = re.findall(rf"^([0-9a-f]+) . {re.escape(function)}$", output_of("nm", path), re.M)
    return int(vaddr, 16)


def offset_of(path, function):
    vaddr = vaddr_of(path, function)
    for line in re.findall(r"^ +LOAD +(.*)$", output_of("readelf", "-lW", path), re.M):
        offset, start, _, file_bytes = [int(word, 16) for word in line.split()[:4]]
        if start <= vaddr < start + file_bytes:
            return vaddr - start + offset
    raise AssertionError(f"{function} is in no segment of {path}")


def is_at_fixed_address(path):
    return "EXEC" in re.search(r"Type: +(\w+)", output_of("readelf", "-hW", path)).group(1)


def load_addr(pid, path):
    """Where the file's first page is in a process."""
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            words = line.split()
            if words[-1] == str(path) and int(words[2], 16) == 0:
                return int(words[0].split("-")[0], 16)
    raise AssertionError(f"{path} is not mapped in {pid}")
