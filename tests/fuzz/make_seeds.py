#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the fuzz targets' seeds from the assembly in seeds/, so that no binary is in the tree.

make_seeds.py FOLDER PROGRAM...: writes FOLDER/TARGET/NAME..., and what the copy routines of the
programs are as seeds for gates
"""

import lzma
import pathlib
import re
import struct
import subprocess
import sys

SOURCES = pathlib.Path(__file__).parent / "seeds"
# The smallest file that ld makes: no page of padding between the segments.
LINK = ["ld", "-shared", "-z", "noseparate-code", "-z", "norelro", "--hash-style=gnu"]


def run(*command):
    subprocess.run([str(word) for word in command], check=True)


def assemble(source, folder):
    built = folder / f"{source.stem}.o"
    run("as", "-o", built, source)
    return built


def section(built, name, seed):
    """The section's bytes alone, relocated to 0, as a seed."""
    linked = built.with_suffix(".bin")
    run("ld", "-e", "0", "-Ttext=0", "--no-eh-frame-hdr", "-o", linked, built)
    run("objcopy", "-O", "binary", f"--only-section={name}", linked, seed)


def plan_seed(built, folder):
    run("objcopy", "-O", "binary", "--only-section=.text", built, folder / built.stem)


def bounds_seed(built, folder):
    section(built, ".eh_frame", folder / built.stem)


def debug_seeds(library, built):
    """The library stripped, with its names packed inside and with the name of a debug file."""
    seed = library.with_name(f"{library.name}-debug")
    names, packed = built.with_suffix(".names"), built.with_suffix(".xz")
    run("objcopy", "--only-keep-debug", library, names)
    packed.write_bytes(lzma.compress(names.read_bytes()))
    run("objcopy", "--strip-all", f"--add-section=.gnu_debugdata={packed}",
        f"--add-gnu-debuglink={names}", library, seed)


def image_seeds(built, folder):
    """A library, the same stripped, and what is left of it where its headers are cut or count."""
    library = folder / built.stem
    run(*LINK, "-o", library, built)
    run("strip", "-o", folder / f"{built.stem}-stripped", library)
    debug_seeds(library, built)
    content = library.read_bytes()
    (folder / f"{built.stem}-cut").write_bytes(content[:len(content) // 2])
    # e_shnum 0: the count stands in the first section header's sh_size.
    counted = bytearray(content)
    (sections_off,) = struct.unpack_from("<Q", content, 0x28)
    counted[0x3c:0x3e] = b"\0\0"
    counted[sections_off + 0x20:sections_off + 0x28] = content[0x3c:0x3e] + bytes(6)
    (folder / f"{built.stem}-counted").write_bytes(counted)


# Where the code of a stack's file is mapped, and where its stack begins.
CODE_ADDR, STACK_ADDR = 0x400000, 0x7ffc00000000
STACK_WORDS = 40


def stack_seed(built, folder):
    """struct stack_layout (fuzz_stack.c), the stack's words and the library."""
    library = built.with_suffix(".so")
    run(*LINK, "--eh-frame-hdr", "-o", library, built)
    listing = subprocess.run(["nm", library], check=True, capture_output=True, text=True).stdout
    places = {name: CODE_ADDR + int(vaddr, 16) for vaddr, _, name in map(str.split, listing.splitlines())}
    # A word that is no return address leads two words up, as a frame pointer.
    words = [places.get(f"word_{at}", STACK_ADDR + 8 * (at + 2)) for at in range(STACK_WORDS)]
    registers = [0] * 16
    registers[4:6] = STACK_ADDR, STACK_ADDR + 64
    layout = struct.pack("<17QHB5x", *registers, places["here"], 8 * STACK_WORDS, 1)
    (folder / built.stem).write_bytes(
        layout + struct.pack(f"<{STACK_WORDS}Q", *words) + library.read_bytes())


def copy_names(folder):
    """What a person wrote, a line feed, a symbol: they are text as they stand."""
    for source in sorted((SOURCES / "names").iterdir()):
        (folder / source.name).write_bytes(source.read_bytes())


# A copy routine's doors, by name, and what distinguishes one routine from the other.
DOOR = re.compile(r"(?:__(?:memmove|mempcpy|memcpy)_(?:chk_)?(?!chk|ifunc|fwd)(\w+)|(runtime\.memmove)|"
                  r"(mem(?:cpy|move)(?:_\w+)?))$")
# What a door jumps to lies behind it: glibc's bodies have up to 4,000 bytes.
BEHIND = 2048


def copy_doors(program):
    """The doors of each routine in the program: {routine: {vaddr: bytes}}"""
    listing = subprocess.run(["nm", "-S", program], check=True, capture_output=True, text=True)
    routines = {}
    for line in listing.stdout.splitlines():
        words = line.split()
        door = DOOR.match(words[-1])
        if door and words[-2] in "tTW":
            routine = next(name for name in door.groups() if name)
            # musl's memmove jumps into its memcpy.
            routine = "memcpy" if routine == "memmove" else routine
            size = int(words[1], 16) if len(words) == 4 else 0
            routines.setdefault(routine, {})[int(words[0], 16)] = size
    return routines


def code_at(content, vaddr, count):
    """Bytes of a program's executable segment."""
    (headers_off,) = struct.unpack_from("<Q", content, 0x20)
    (headers,) = struct.unpack_from("<H", content, 0x38)
    for at in range(headers_off, headers_off + 56 * headers, 56):
        kind, flags, off, start, _, held = struct.unpack_from("<IIQQQQ", content, at)
        if kind == 1 and flags & 1 and start <= vaddr < start + held:
            begin = off + vaddr - start
            return content[begin:min(begin + count, off + held)]
    raise ValueError(f"{vaddr:#x} is not code")


def gate_seeds(program, folder):
    """struct gate_layout (gate_case.h) and the code of each routine."""
    content = program.read_bytes()
    for routine, doors in copy_doors(program).items():
        start = min(doors)
        code = code_at(content, start, max(at + size for at, size in doors.items()) - start + BEHIND)
        offsets = [at - start for at in sorted(doors)[-3:]]
        body = max(doors, key=doors.get)
        layout = struct.pack("<4QQ3HHHBB4x", 0, 1 << 20, 0x1e0000, 2112, 2048,
                             *(offsets + [0, 0])[:3], body - start, doors[body],
                             len(offsets) - 1, 6 | (routine == "runtime.memmove"))
        (folder / f"{program.stem}-{routine}").write_bytes(layout + code)


MAKERS = {"plan": plan_seed, "gates": plan_seed, "bounds": bounds_seed, "image": image_seeds,
          "stack": stack_seed}


def main():
    scratch = pathlib.Path(sys.argv[1]) / "objects"
    scratch.mkdir(parents=True, exist_ok=True)
    for target, make in MAKERS.items():
        folder = scratch.parent / target
        folder.mkdir(exist_ok=True)
        for source in sorted((SOURCES / target).glob("*.s")):
            make(assemble(source, scratch), folder)
    for program in sys.argv[2:]:
        gate_seeds(pathlib.Path(program), scratch.parent / "gates")
    names = scratch.parent / "names"
    names.mkdir(exist_ok=True)
    copy_names(names)


main()
