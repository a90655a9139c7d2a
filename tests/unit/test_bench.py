# SPDX-License-Identifier: GPL-2.0-only
"""What the bench makes of what it reads: a figure that is wrong here looks like memwatch's own."""

import ast
import importlib
import os
import pathlib
import re
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

def pieces(*cpu_ns, copies=10, start_ns=0):
    """Slices one after the other that run all the time."""
    stats = load("stats")
    made = []
    for taken_ns in cpu_ns:
        made.append(stats.Slice(start_ns, start_ns + taken_ns, taken_ns, copies))
        start_ns += taken_ns
    return made


def test_the_median_lies_between_the_ranks_that_are_given():
    """Counted out: of all ways in which values can lie below and above the median."""
    median_ranks = load("stats").median_ranks
    for count in range(1, 18):
        low, high = median_ranks(count)
        assert high == count - 1 - low
        outside = [sum(1 for way in range(1 << count)
                       if way.bit_count() <= rank or way.bit_count() >= count - rank) / 2 ** count
                   for rank in (low, low + 1)]
        # Five are too few for any: then it is the first and the last.
        assert outside[0] <= 0.05 or (count < 6 and low == 0), count
        assert outside[1] > 0.05 or low + 1 >= count / 2, count


def test_a_ratio_tells_its_median_and_how_well_it_is_known():
    stats = load("stats")
    known = stats.ratio_of([1.3, 1.0, 0.9, 1.1, 1.2, 9.0, 1.05, 0.2, 1.15])
    assert known == stats.Ratio(1.1, 0.9, 1.3, 0.2, 9.0, 9)
    assert known.spread == pytest.approx(0.2 / 1.1)
    assert stats.ratio_of([2.0]) == stats.Ratio(2.0, 2.0, 2.0, 2.0, 2.0, 1)


def test_a_drift_of_the_machine_is_no_cost_of_the_tool():
    stats = load("stats")
    taken = load("sidebyside").Taken()
    before, measured, after = pieces(100, 100), pieces(220, 220), pieces(120, 120)
    stats.add_round(taken, before, measured, after)
    assert taken.ns == [22] and taken.ratios == [2] and taken.wall_ratios == [2]


def test_waiting_is_in_the_clock_on_the_wall_alone():
    stats = load("stats")
    waited = [stats.Slice(0, 300, 100, 10), stats.Slice(300, 400, 100, 40)]
    assert stats.cpu_ns_per_copy(waited) == 200 / 50
    assert stats.wall_ns_per_copy(waited) == 400 / 50


def test_slices_over_the_edge_of_a_stretch_are_left_out():
    stats = load("stats")
    made = pieces(10, 10, 10, 10, 10)
    assert stats.within(made, 5, 40) == made[1:4]
    assert stats.within(made, 10, 39) == made[1:3]


def test_no_tool_follows_the_same_one_each_time():
    order = load("stats").order
    tools = ["control", "default", "exact"]
    rounds = [order(tools, count) for count in range(6)]
    assert all(sorted(turn) == sorted(tools) for turn in rounds)
    for place in range(3):
        assert sorted(turn[place] for turn in rounds) == sorted(tools * 2)
    pairs = [pair for turn in rounds for pair in zip(turn, turn[1:])]
    assert {pairs.count(pair) for pair in pairs} == {2} and len(set(pairs)) == 6


def test_rounds_go_on_until_the_control_is_tight():
    is_tight = load("stats").is_tight
    assert not is_tight([1.0] * 5, 0.01)
    assert is_tight([1.0] * 6, 0.01)
    loose = [0.95, 1.05] * 4
    assert not is_tight(loose, 0.01)
    # What lies far off counts no more once there are enough others.
    assert is_tight(loose + [1.0] * 20, 0.01)


def test_slow_tools_take_part_in_the_first_rounds_alone():
    sidebyside, tools, peers = load("sidebyside"), load("tools"), load("peers")
    case = sidebyside.Case("loop", ("loop",), ())
    default, exact = tools.MEMWATCHES
    first = sidebyside.tools_of_round(case, 0)
    assert {tools.CONTROL, default, exact, sidebyside.VALGRIND, *peers.PEERS} == set(first)
    assert set(sidebyside.tools_of_round(case, sidebyside.ROUNDS_MOST)) == {tools.CONTROL, default}
    lazy = case._replace(flush_bytes=1)
    assert not set(peers.PEERS) & set(sidebyside.tools_of_round(lazy, 1))


class Seen:
    """An attach that lasted from 100 to 1000."""
    live_ns, interrupt_ns = 100, 1000

    def __init__(self, *records):
        self.final = records


def test_a_large_copy_counts_as_seen_by_its_own_record_alone():
    sidebyside = load("sidebyside")

    def record(start_ns, size=1 << 20):
        return {"type": "copy", "start_ns": start_ns, "bytes": size}

    large = [(90, 110), (200, 220), (400, 420), (600, 620), (990, 1010)]
    taken = sidebyside.Taken()
    sidebyside.count_large(large, Seen(record(95), record(210), record(610, 4096)), taken)
    # The first and the last lie over the edges; another size is another copy.
    assert (taken.made, taken.seen) == (3, 1)


def test_a_flush_counts_as_exact_only_with_all_of_its_bytes():
    sidebyside = load("sidebyside")
    made = pieces(100, 100, 100, 100, 100, start_ns=50)

    def record(start_ns, **fields):
        return {"type": "flush", "start_ns": start_ns, "duration_ns": 90, **fields}

    taken = sidebyside.Taken()
    sidebyside.count_flushes(made, 700, Seen(
        record(160, copied_bytes=700), record(260, copied_bytes=699), record(360),
        record(460, copied_bytes=700, estimated=["copied_bytes"])), taken)
    assert (taken.made, taken.seen, taken.first_made, taken.first_seen) == (4, 1, 2, 1)
    assert taken.gated == 0


def test_a_flush_may_say_that_its_bytes_are_a_lower_bound():
    sidebyside = load("sidebyside")
    made = pieces(100, 100, 100, 100, 100, start_ns=50)

    def record(start_ns, copied_bytes, **fields):
        return {"type": "flush", "start_ns": start_ns, "duration_ns": 90,
                "copied_bytes": copied_bytes, **fields}

    taken = sidebyside.Taken()
    sidebyside.count_flushes(made, 700, Seen(
        record(160, 700, partly_counted=False, gate_raised=False),
        record(260, 500, partly_counted=True), record(360, 0, gate_raised=True),
        record(460, 701, gate_raised=True)), taken)
    assert (taken.made, taken.seen, taken.gated) == (4, 1, 2)


def test_the_place_of_memmove_is_found_in_any_process():
    """By its file and offset, as the peers are told it."""
    peers = load("peers")
    first, end, offset, file = next(mapping for mapping in peers.mappings(os.getpid())
                                    if "libc.so" in mapping[3] and mapping[2])
    place = peers.place_of(os.getpid(), first + 0x123)
    assert place == peers.Place(file, offset + 0x123)
    assert peers.address_of(place, os.getpid()) == first + 0x123


def test_what_the_peers_counted_is_read():
    peers = load("peers")
    said = {"bpftrace": ("Attaching 1 probe...\n\n\n@: 7330\n", "7330"),
            "perf probe": ("    13,827      memwatch_bench:copy_77     \n", "13,827"),
            "funclatency": ("avg = 812 nsecs, total: 81200 nsecs, count: 100\n", "100")}
    for peer in peers.PEERS:
        text, count = said[peer.name]
        assert re.search(peer.seen, text)[1] == count


def test_a_peer_that_is_not_there_is_named(monkeypatch):
    peers = load("peers")
    missing = peers.PEERS[0]._replace(program="no-such-tracer")
    with pytest.raises(peers.Unavailable, match="no-such-tracer is not installed"):
        peers.PeerAttached(missing, None, None)
    assert peers.last_line("one\n two \n\n") == "two"


def test_copies_are_counted_from_their_size_on():
    minute = load("bench_minute")
    classes = [{"from_bytes": 2048, "copies": 5}, {"from_bytes": 4096, "copies": 7},
               {"from_bytes": 8192, "copies": 1}]
    assert minute.counted_copies({"size_classes": classes}) == 8


def test_a_minute_is_exact_only_where_nothing_is_missing():
    minute = load("bench_minute")
    exact = {"made": 9, "counted": 9, "large_copies": 10, "told": 10, "lost": 0}
    assert minute.verdict_of(exact) == "exact"
    assert minute.verdict_of(exact | {"told": 4, "lost": 6}) == "accounted for"
    assert minute.verdict_of(exact | {"told": 4, "lost": 5}) == "OFF"
    assert minute.verdict_of(exact | {"counted": 8}) == "OFF"


def test_what_records_hold_is_counted_without_reading_them_all(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"type": "header"}\n{"type": "copy", "bytes": 1}\n{"type":"copy"}\n'
                    '{"type": "summary", "copies": 9}\n')
    assert load("bench_loss").records_of(path) == (2, '{"type": "summary", "copies": 9}\n')


def test_ratios_read_right():
    stats, table = load("stats"), load("table")
    assert [table.ratio_text(value) for value in (1.0004, 9.99, 187.4, 6409.8)] == \
        ["1.000", "9.990", "187", "6,410"]
    assert table.ratio_cells(stats.Ratio(1.0, 0.99, 1.01, 0.9, 12.0, 9)) == \
        ["1.000", "0.990 .. 1.010", "0.900 .. 12"]
    assert [table.ns_text(ns) for ns in (2.54, 631.4, 20_400)] == ["2.5 ns", "631.4 ns", "20 us"]


def test_the_targets_say_slices_as_they_are_read(tmp_path):
    """stringio.py and slices.h: the two that write them."""
    stats = load("stats")
    done = subprocess.run([sys.executable, BENCH / "targets" / "stringio.py", "0"],
                          capture_output=True, text=True, check=True)
    assert done.stdout == "ready\n"
    program = tmp_path / "timed"
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", program, BENCH / "targets" / "timed.c"],
                   check=True)
    out = tmp_path / "out"
    assert subprocess.run([program, out, "sleep", "0.05"]).returncode == 0
    word, kind, *fields = out.read_text().split()
    piece = stats.Slice(*map(int, fields))
    assert (word, kind, piece.copies) == ("slice", "run", 1)
    assert piece.cpu_ns < 40_000_000 < 50_000_000 <= piece.end_ns - piece.start_ns
    assert subprocess.run([program, out, "false"]).returncode == 1


def test_the_loop_makes_as_many_copies_as_it_is_asked_to(tmp_path):
    program = tmp_path / "copies"
    subprocess.run(["gcc", "-O2", "-fno-builtin", "-D_GNU_SOURCE", "-o", program,
                    BENCH / "targets" / "copies.c", "-ldl"], check=True)
    done = subprocess.run([program, "4096", "rate", "20000", "for", "1"], capture_output=True,
                          text=True, check=True)
    slices = [line.split() for line in done.stdout.splitlines() if line.startswith("slice")]
    total = int(done.stdout.split()[-1])
    assert sum(int(fields[5]) for fields in slices) == total
    assert total == pytest.approx(20000, rel=0.1)
    assert subprocess.run([program], capture_output=True).returncode == 2


@pytest.mark.parametrize("path", sorted(BENCH.rglob("*.py")), ids=lambda path: path.name)
def test_bench_files_stay_readable(path):
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-only\n")
    assert ast.get_docstring(ast.parse(text)), f"{path.name} does not say what it is for"
    assert max(len(line) for line in text.splitlines()) <= 100
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
