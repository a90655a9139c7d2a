# SPDX-License-Identifier: GPL-2.0-only
"""Builds the big binary: big.py plain|cxx MAIN.o OUTPUT

500,000 functions, each with its FDE, some 200 MB of code and unwind tables in all, under plain
names or under mangled C++ ones. Its size is what matters: nobody calls them.
"""

import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile

FUNCTIONS = 500_000
# With the 40 bytes that ld makes of each FDE and its line of .eh_frame_hdr: 200 MB.
MEAN_BYTES = 365
# gas holds 5 kB for each function: all of them at once would take 2.5 GB.
PARTS = 10


def mangled(part):
    return f"{len(part)}{part}"


def plain_name(index):
    return f"bench_function_{index:06}"


def cxx_name(index):
    """Namespaces, classes, templates and overloads, as a large C++ program has them."""
    space, owner, name = f"space{index % 61}", f"Owner{index // 7 % 4099}", f"method{index}"
    arguments = ("v", "i", "PKcm", "RKSs", "St6vectorIiSaIiEE")[index % 5]
    template = ("", "IiE", "IdLi3EE")[index % 3]
    if template:
        # A template's return type is part of its name.
        arguments = "v" + arguments
    return f"_ZN5bench{mangled(space)}{mangled(owner)}{mangled(name)}{template}E{arguments}"


NAMES = {"plain": plain_name, "cxx": cxx_name}


def function(name, body_bytes):
    """A frame of its own, so that its FDE has the usual rows."""
    return (f".globl {name}\n.type {name}, @function\n{name}:\n.cfi_startproc\n"
            "push %rbx\n.cfi_def_cfa_offset 16\n.cfi_offset 3, -16\n"
            f".skip {body_bytes}, 0x90\n"
            "pop %rbx\n.cfi_def_cfa_offset 8\nret\n.cfi_endproc\n"
            f".size {name}, . - {name}\n.p2align 4, 0xcc\n")


def part_source(name_of, part):
    # The same each time: figures of two builds are to be compared.
    sizes = random.Random(part)
    first, last = part * FUNCTIONS // PARTS, (part + 1) * FUNCTIONS // PARTS
    lines = [".text\n.p2align 4\n"]
    for index in range(first, last):
        lines.append(function(name_of(index), sizes.randrange(24, 2 * MEAN_BYTES - 24)))
    lines.append('.section .note.GNU-stack,"",@progbits\n')
    return "".join(lines)


def assemble(kind, part, folder):
    path = os.path.join(folder, f"{part}.o")
    subprocess.run(["as", "-o", path], input=part_source(NAMES[kind], part), text=True, check=True)
    return path


def build(kind, main_object, output):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(output)) as folder:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = list(pool.map(lambda part: assemble(kind, part, folder), range(PARTS)))
        subprocess.run(["gcc", "-o", output, main_object, *parts], check=True)


if __name__ == "__main__":
    build(*sys.argv[1:])
