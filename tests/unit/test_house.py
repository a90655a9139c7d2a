# SPDX-License-Identifier: GPL-2.0-only
"""The data goes one way: each room of user/ includes only what its row here allows."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = ROOT / "user"

# The room, the rooms whose headers it may include, and the libraries it may know.
ROOMS = {
    "base": (set(), set()),
    "target": ({"base"}, set()),
    "elf": ({"base"}, {"libelf.h", "gelf.h", "elfutils/", "dwarf.h", "libiberty/", "zlib.h",
                       "lzma.h"}),
    "plan": ({"base"}, {"Zydis/"}),
    "attach": ({"base", "bpf"}, {"bpf/bpf.h", "bpf/libbpf.h"}),
    "receive": ({"base", "bpf"}, {"bpf/bpf.h", "bpf/libbpf.h"}),
    # Of elf/, the names that a file gives its code.
    "stack": ({"base", "elf"}, {"libelf.h", "gelf.h", "elfutils/", "dwarf.h"}),
    "analyse": ({"base", "bpf", "stack"}, set()),
    "report": ({"base", "analyse"}, {"jansson.h"}),
    # Of stack/, what is mapped where and what a frame is.
    "record": ({"base", "bpf", "stack", "analyse"}, {"zlib.h"}),
    # Of attach/, how it takes a point; of analyse/, how a function is named.
    "choose": ({"base", "target", "elf", "plan", "attach", "analyse", "bpf"},
               {"elfutils/debuginfod.h"}),
    "session": ({"base", "target", "elf", "plan", "choose", "attach", "receive", "analyse",
                 "report", "stack", "record", "bpf"}, set()),
}
LIBRARIES = ("libelf.h", "gelf.h", "elfutils/", "dwarf.h", "libiberty/", "zlib.h", "lzma.h", "Zydis/",
             "bpf/", "jansson.h")
# What a room may not touch though no header of ours gives it away.
FORBIDDEN_TEXT = {
    "plan": ["/proc", "printf(stdout", "fopen"],
    "elf": ["/proc", "process_vm_readv"],
    "stack": ["/proc", "printf(std"],
    "analyse": ["/proc", "fopen", "printf(std", "clock_gettime", "clock_monotonic_ns"],
    "record": ["/proc", "printf(", "clock_gettime", "clock_monotonic_ns"],
    "report": ["/proc", "clock_gettime", "clock_monotonic_ns"],
}


def sources(room):
    return sorted(path for path in (USER / room).iterdir() if path.suffix in (".c", ".h"))


def includes(path):
    return re.findall(r'^\s*#\s*include\s+([<"][^>"]+)[>"]', path.read_text(), re.M)


def test_every_folder_is_a_room():
    assert {path.name for path in USER.iterdir() if path.is_dir()} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_room_includes_only_what_its_row_allows(room):
    rooms, libraries = ROOMS[room]
    for path in sources(room):
        for include in includes(path):
            kind, name = include[0], include[1:]
            if kind == '"':
                # attach/ alone includes the generated skeleton.
                if name == "memwatch.skel.h":
                    assert room == "attach", path
                    continue
                assert name.split("/")[0] in rooms | {room}, f"{path.name} includes {name}"
                if name.startswith("bpf/"):
                    assert name == "bpf/event.h", f"{path.name} includes {name}"
            elif name.startswith(LIBRARIES):
                assert any(name.startswith(known) for known in libraries), \
                    f"{path.name} includes <{name}>"


@pytest.mark.parametrize("room", FORBIDDEN_TEXT)
def test_room_touches_nothing_forbidden(room):
    for path in sources(room):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
        for text in FORBIDDEN_TEXT[room]:
            assert text not in code, f"{path.name} has {text}"


def test_only_main_and_children_exit():
    """exit() below main would hide a failure; a forked child must use _exit()."""
    for path in USER.rglob("*.c"):
        if path.name != "main.c":
            assert not re.search(r"(?<![_\w>.])exit\s*\(\s*[\w(]", path.read_text()), path


def test_files_stay_readable():
    for path in [*USER.rglob("*.[ch]"), *(ROOT / "bpf").glob("*.[ch]")]:
        assert len(path.read_text().splitlines()) <= 600, path
        assert not re.search(r"utils?|helpers?|common|misc", path.stem), path
