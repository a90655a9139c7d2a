# SPDX-License-Identifier: GPL-2.0-only
"""The bundled workload in every kind of linking, with names and without: exact all the same."""

import memwatch
import probes
import pytest
import symbols
import truth as truths

LINKED = ["static", "static-pie", "musl", "musl-static"]
STRIPPED = {"stripped": "lazywrite", "static-stripped": "lazywrite-static",
            "musl-static-stripped": "lazywrite-musl-static"}
ARGUMENTS = ["--writes", 60_000, "--limit", 6000, "--chunk", "2K"]
ALL_TIMES = ["--min-time", "0"]
STARTS = pytest.mark.parametrize("start", [truths.launch, truths.attach])


def variant(name):
    return memwatch.VARIANTS / f"lazywrite-{name}"


def twin(name):
    """The same link, with its symbols."""
    return memwatch.VARIANTS / STRIPPED[name]


def check(run, function, truth, flushes=10):
    assert len(truth) == flushes
    truths.check_exact(run, function, truth)
    truths.far_calls(run, truth)
    assert not any(flush["copied_bytes"] != 6000 * 2048 for flush in run.of("flush"))


@STARTS
@pytest.mark.parametrize("name", LINKED)
def test_by_name(tmp_path, start, name):
    run, truth = start(tmp_path, ALL_TIMES + ["--flush", "flush_accumulator"], variant(name),
                       ARGUMENTS)
    check(run, "flush_accumulator", truth)


@STARTS
@pytest.mark.parametrize("name", STRIPPED)
def test_by_offset_in_a_stripped_file(tmp_path, start, name):
    offset = symbols.offset_of(twin(name), "flush_accumulator")
    place = f"{variant(name).name}:+{offset:#x}"
    run, truth = start(tmp_path, ALL_TIMES + ["--flush", place], variant(name), ARGUMENTS)
    check(run, place, truth)


@pytest.mark.parametrize("name", STRIPPED)
def test_by_address_in_a_stripped_process(name):
    vaddr = symbols.vaddr_of(twin(name), "flush_accumulator")
    with memwatch.Waiting(variant(name), *ARGUMENTS) as target:
        if not symbols.is_at_fixed_address(variant(name)):
            vaddr += symbols.load_addr(target.pid, variant(name))
        place = f"{vaddr:#x}"
        with memwatch.Watch("--pid", target.pid, *ALL_TIMES, "--flush", place) as watch:
            watch.wait_for("child", pid=target.pid, event="attach", watched=True)
            target.go()
            _, truth = target.finish()
            run = watch.finish()
    check(run, place, truth)


@pytest.mark.parametrize("name", ["static-stripped", "musl-static-stripped"])
def test_routines_without_names_are_said_to_be_recognised(name):
    run = memwatch.run("--", variant(name), "--writes", 1000)
    assert "recognised by their code" in run.stderr
    assert "recognised by its code" in probes.dry_run("--", variant(name)).stdout


@pytest.mark.parametrize("name", ["static-stripped", "musl-static-stripped"])
def test_one_more_copy_routine_by_its_place(tmp_path, name):
    """Whether it can be counted or not (musl's is called by it directly), the others are."""
    offset = symbols.offset_of(twin(name), "lazy_write")
    flush = symbols.offset_of(twin(name), "flush_accumulator")
    places = [f"{variant(name).name}:+{place:#x}" for place in (offset, flush)]
    run, truth = truths.launch(tmp_path, ALL_TIMES + ["--copy", places[0], "--flush", places[1]],
                               variant(name), ARGUMENTS)
    check(run, places[1], truth)


def test_a_static_program_is_watched_from_its_first_call(tmp_path):
    # Each tunable that a static glibc copies calls brk before the slots are filled.
    tunables = "glibc.malloc.arena_max=2:glibc.malloc.tcache_count=9"
    run, truth = truths.launch(tmp_path, ALL_TIMES + ["--flush", "flush_accumulator"],
                               variant("static"), ["--writes", 3, "--limit", 1, "--chunk", 100],
                               env={"GLIBC_TUNABLES": tunables, "PATH": "/usr/bin:/bin"})
    truths.check_counts(run.of("flush"), truth)
    assert len(truth) == 3 and run.summary["worst_unwatched_ns"] == 0
