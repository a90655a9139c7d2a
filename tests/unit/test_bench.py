# SPDX-License-Identifier: GPL-2.0-only
"""What the bench makes of what it reads: a figure that is wrong here looks like memwatch's own."""

import ast
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
KIB = 1024


@pytest.fixture(autouse=True)
def bench_modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))


def load(name):
    return importlib.import_module(name)


SMAPS = """\
55d0a0000000-55d0a0021000 rw-p 00000000 00:00 0                          [heap]
Size:                132 kB
Rss:                 100 kB
Private_Clean:         4 kB
Private_Dirty:        96 kB
Anonymous:           100 kB
VmFlags: rd wr mr mw me ac sd
7f8aa7000000-7f8aa7010000 rw-p 00000000 fe:01 393240                     /opt/a program (deleted)
Size:                 64 kB
Rss:                  40 kB
Private_Clean:        24 kB
Private_Dirty:         8 kB
Anonymous:             4 kB
7f8aa8000000-7f8aa8801000 r--s 00001000 00:0d 13                         anon_inode:bpf-map
Size:               8196 kB
Rss:                8192 kB
Private_Clean:         0 kB
Private_Dirty:      8192 kB
Anonymous:             0 kB
7f8aa9000000-7f8aa9001000 rw-p 00000000 00:00 0 
Size:                  4 kB
Rss:                   4 kB
Private_Clean:         0 kB
Private_Dirty:         4 kB
Anonymous:             4 kB
"""


def test_memory_is_split_by_whose_it_is():
    memory = load("memory")
    mappings = memory.parse_smaps(SMAPS)
    assert [name for name, _ in mappings] == \
        ["[heap]", "/opt/a program (deleted)", "anon_inode:bpf-map", ""]
    assert memory.split_smaps(mappings) == {
        "own": (100 + 8 + 4) * KIB,
        "files": (4 + 24) * KIB,
        "ring": 8192 * KIB,
        "ring_mapped": 8196 * KIB,
    }


def test_the_own_memory_of_a_process_is_seen():
    memory = load("memory")
    before = memory.of(os.getpid())
    block = bytearray(b"x" * (64 << 20))
    after = memory.of(os.getpid())
    assert after["own"] - before["own"] == pytest.approx(len(block), rel=0.05)
    assert after["peak_resident"] >= after["own"]


def test_a_descriptor_that_is_no_map_is_told_apart():
    memory = load("memory")
    ring = ("pos:\t0\nflags:\t02000002\nmap_type:\t27\nkey_size:\t0\nvalue_size:\t0\n"
            "max_entries:\t4194304\nmemlock:\t4223304\nmap_id:\t12\n")
    assert memory.parse_map_info(ring) == (memory.RING_MAP_TYPE, 4194304, 4223304)
    assert memory.parse_map_info("pos:\t0\nflags:\t0100002\nmnt_id:\t15\n") is None


def test_a_pause_counts_where_it_touches_the_stretch():
    inside = load("bench_pauses").inside
    gaps = [(100, 50), (190, 20), (300, 40), (395, 30), (420, 90)]
    # Before it; over its beginning; within; over its end; after it.
    assert inside(gaps, 200, 400) == (40, 20 + 40 + 30)
    assert inside(gaps, 160, 180) == (0, 0)


def test_times_and_verdicts_read_right():
    table = load("table")
    assert [table.time_text(ns) for ns in (950, 51_000, 54_600_000, 3_000_000_000)] == \
        ["1 us", "51 us", "54.6 ms", "3.00 s"]
    assert table.spread([3_000_000, 1_000_000, 8_000_000]) == ("3.0 ms", "1.0 ms .. 8.0 ms")
    assert table.ratio([30, 10, 20], [10, 10, 99]) == "2.00"
    assert [table.verdict(149, 150), table.verdict(150, 150), table.verdict(1, None)] == \
        ["ok", "OVER", ""]
    assert list(table.lines(["a", "b"], [["long", "1"], ["x", "234"]])) == \
        ["a       b", "long    1", "x     234"]


def test_the_big_binary_has_names_as_people_write_them():
    big, cases = load("big"), load("cases")
    names = [big.cxx_name(index) for index in range(0, big.FUNCTIONS, 997)]
    assert len(set(names)) == len(names)
    plain = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True,
                           check=True).stdout.splitlines()
    # c++filt gives back what it does not understand.
    assert not [name for name in plain if name.startswith("_Z")]
    assert plain[0] == cases.CXX_NAME + "()"


def test_a_function_is_found_in_its_file(tmp_path):
    """bench_flush in a file whose code lies elsewhere in memory than in the file."""
    cases = load("cases")
    program = tmp_path / "moved"
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-no-pie", "-Wl,-Ttext-segment=0x7000000",
                    "-o", program, BENCH / "targets" / "big.c"], check=True)
    dump = subprocess.run(["objdump", "-d", "-F", "--no-show-raw-insn", program],
                          capture_output=True, text=True, check=True).stdout
    # 0000000007001190 <bench_flush> (File Offset: 0x1190):
    (said,) = [line for line in dump.splitlines() if line.endswith("):") and "<bench_flush>" in line]
    assert cases.file_offset(program, "bench_flush") == int(said.split("0x")[1][:-2], 16)


def test_every_bench_can_be_chosen():
    bench = load("bench")
    assert {path.stem for path in BENCH.glob("bench_*.py")} == \
        {f"bench_{name}" for name in bench.BENCHES}
    assert bench.main(["nonsense"]) == 2


@pytest.mark.parametrize("path", sorted(BENCH.rglob("*.py")), ids=lambda path: path.name)
def test_bench_files_stay_readable(path):
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-only\n")
    assert ast.get_docstring(ast.parse(text)), f"{path.name} does not say what it is for"
    assert max(len(line) for line in text.splitlines()) <= 100
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
