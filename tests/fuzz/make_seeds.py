#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the fuzz targets' seeds from the assembly in seeds/, so that no binary is in the tree.

make_seeds.py FOLDER: writes FOLDER/TARGET/NAME...
"""

import lzma
import pathlib
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


def copy_names(folder):
    """What a person wrote, a line feed, a symbol: they are text as they stand."""
    for source in sorted((SOURCES / "names").iterdir()):
        (folder / source.name).write_bytes(source.read_bytes())


MAKERS = {"plan": plan_seed, "bounds": bounds_seed, "image": image_seeds}


def main():
    scratch = pathlib.Path(sys.argv[1]) / "objects"
    scratch.mkdir(parents=True, exist_ok=True)
    for target, make in MAKERS.items():
        folder = scratch.parent / target
        folder.mkdir(exist_ok=True)
        for source in sorted((SOURCES / target).glob("*.s")):
            make(assemble(source, scratch), folder)
    names = scratch.parent / "names"
    names.mkdir(exist_ok=True)
    copy_names(names)


main()
