# SPDX-License-Identifier: GPL-2.0-only
"""C++ and Rust functions by the names that people give them, and functions that were inlined."""

import json
import subprocess

import memwatch
import pytest
import truth as truths

ROUNDS = 20
CALLS = 50
INLINED = memwatch.BUILD / "variants" / "lazywrite-inlined"


def target(name):
    return memwatch.TARGETS / name


def told(text):
    """What a target says of each of its functions, and its last line."""
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {record["function"]: record for record in records[:-1]}, records[-1]


def figures(record):
    return record["calls"], record["copied_bytes"], record["copies"]


def watch(name, flushes, *options):
    names = [word for flush in flushes for word in ("--flush", flush)]
    return memwatch.run(*names, *options, "--", target(name), CALLS)


def shown(run):
    return {function["function"]: function for function in run.summary["functions"]}


# ---- results unharmed, copies exact ----

CPP = ["ns::Grow::flush", "other_ns::Grow::flush()", "Grow::operator<<", "ns::drain", "Buf::flush",
       "flush"]


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_cpp_is_unharmed_and_exact(round_):
    alone = subprocess.run([target("names"), str(CALLS)], capture_output=True, text=True,
                           check=True)
    run = watch("names", CPP)
    assert run.status == 0, run.stderr
    truth, checksum = told(run.stdout)
    assert told(alone.stdout) == (truth, checksum)
    seen = shown(run)
    assert set(seen) == set(truth)
    for name, true in truth.items():
        # An exception leaves every fifth call of this one: its copies are not known to be its.
        thrown = CALLS // 5 if name == "ns::Grow::flush(int)" else 0
        assert seen[name]["calls"] == true["calls"]
        assert seen[name]["ended"] == true["calls"] - thrown
        each = true["copied_bytes"] // true["copies"]
        assert seen[name]["copied_bytes"] == true["copied_bytes"] - thrown * each, name
        assert seen[name]["copies"] == true["copies"] - thrown
        assert seen[name]["symbol"].startswith("_Z")
    assert run.summary["lost_events"] == 0


RUST = ["rings::store::Ring::drain", "Ring::flush", "store::pour"]


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_rust_is_unharmed_and_exact(round_):
    alone = subprocess.run([target("rings"), str(CALLS)], capture_output=True, text=True,
                           check=True)
    run = watch("rings", RUST)
    assert run.status == 0, run.stderr
    truth, checksum = told(run.stdout)
    assert told(alone.stdout) == (truth, checksum)
    seen = shown(run)
    for name in ["rings::store::Ring::drain", "<rings::store::Ring as rings::store::Store>::flush"]:
        assert figures(seen[name]) == figures(truth[name])
    # The two instances have one name.
    both = zip(figures(truth["pour u8"]), figures(truth["pour u32"]))
    assert figures(seen["rings::store::pour"]) == tuple(map(sum, both))
    assert run.summary["lost_events"] == 0


# ---- what a name names ----

NAMED = [
    ("ns::Grow::flush()", {"ns::Grow::flush()"}),
    ("Grow::flush(const std::string&, const char*)",
     {"ns::Grow::flush(std::string const&, char const*) const"}),
    ("Buf<std::string>::flush", {"ns::Buf<std::string>::flush"}),
    ("::other_ns::Grow::flush", {"other_ns::Grow::flush"}),
    ("names:other_ns::Grow::flush", {"other_ns::Grow::flush"}),
    ("ns::Buf*", {"ns::Buf<int>::flush", "ns::Buf<std::string>::flush"}),
    ("_ZN2ns4Grow5flushEv", {"ns::Grow::flush"}),
]


@pytest.mark.parametrize("written, expected", NAMED)
def test_what_a_name_names(written, expected):
    run = watch("names", [written])
    assert run.status == 0, run.stderr
    assert set(shown(run)) == expected


def test_several_are_listed():
    run = watch("names", ["Grow::flush"])
    (note,) = [line for line in run.stderr.splitlines() if "names 4 functions" in line]
    assert "ns::Grow::flush(), ns::Grow::flush(int), " in note
    assert note.endswith("...; all are watched")


ABSENT = [
    ("Grow::flsh", "closest: ns::Grow::flush"),
    ("wrong::Grow::flush", "closest: ns::Grow::flush"),
    ("Grow::flush(size_t)", "closest: ns::Grow::flush("),
    ("drain", "closest: ns::(anonymous namespace)::drain"),
    ("libc.so.6:Grow::flush", f"it is in {target('names')}"),
]


@pytest.mark.parametrize("written, words", ABSENT)
def test_what_is_offered_instead(written, words):
    run = watch("names", [written])
    assert run.status == 1
    assert words in run.stderr


STRIPPED = memwatch.VARIANTS / "lazywrite-stripped"


@pytest.mark.parametrize("written, words", [
    ("flush_accumulator", f"no function 'flush_accumulator' came in any watched process; "
                          f"{STRIPPED} is stripped: install its debug symbols, or give "
                          "LIB:+OFF or 0xADDR"),
    ("mallok", "closest: malloc"),
    ("0x10", "no code at '0x10' came in any watched process; no file's code is mapped there: "
             "for a place in a file, give LIB:+OFF"),
])
def test_what_is_said_where_names_are_gone(written, words):
    run = memwatch.run("--flush", written, "--", STRIPPED, "--writes", 10)
    assert run.status == 1
    (last,) = [line for line in run.stderr.splitlines() if "came in any" in line]
    assert words in last


# ---- inlined ----

HOST = "lazy_write (with flush_accumulator inlined)"


def check_inlined(run, truth, writes):
    """Each true flush lies in one call of the host; the other calls copied nothing."""
    assert run.status == 0, run.stderr
    flushes = run.of("flush")
    assert truth and {flush["function"] for flush in flushes} == {HOST}
    assert {flush["symbol"] for flush in flushes} == {"lazy_write"}
    truths.check_counts(flushes, truth)
    for got, true in truths.pairs(flushes, truth):
        before_ns, after_ns = truths.gaps_ns(got, true)
        assert before_ns >= 0 and after_ns >= 0
    host = run.function(HOST)
    assert host["calls"] == host["ended"] == writes
    assert host["copied_bytes"] == sum(true["bytes"] for true in truth)
    assert host["copies"] == sum(true["copies"] for true in truth)
    truths.check_nothing_lost(run)
    assert "the compiler inlined flush_accumulator into lazy_" in run.stderr


ARGUMENTS = ["--writes", 60_000, "--limit", 10_000, "--chunk", "2K", "--threads", 2]


@pytest.mark.parametrize("start", [truths.launch, truths.attach])
def test_an_inlined_flush_is_timed_by_its_host(tmp_path, start):
    run, truth = start(tmp_path, ["--flush", "flush_accumulator"], INLINED, ARGUMENTS)
    assert len(truth) == 12
    check_inlined(run, truth, 120_000)


def test_calls_of_a_host_without_a_copy_are_no_flushes(tmp_path):
    run, truth = truths.launch(tmp_path, ["--flush", "flush_accumulator", "--min-time", "0"],
                               INLINED, ["--writes", 6000, "--limit", 1000, "--chunk", "2K"])
    assert len(truth) == 6
    check_inlined(run, truth, 6000)
    assert len(run.of("flush")) == run.function(HOST)["reported"] == 6
    (finding,) = run.of("finding")
    assert finding["flushes"] == 6 and finding["copied_bytes"] == truth[0]["bytes"]
    assert "calls without a copy are left out" in run.stderr
    assert "Calls of 0 ns or longer without a copy" in run.stderr and ": 5,994," in run.stderr


def test_calls_of_an_inlined_function_are_not_counted(tmp_path):
    run, _ = truths.launch(tmp_path, ["--writes", "flush_accumulator"], INLINED, ARGUMENTS)
    assert run.status == 1
    assert "the compiler inlined flush_accumulator into lazy_" in run.stderr
    assert "its calls can't be counted there" in run.stderr
    assert run.summary["writes"] == 0
