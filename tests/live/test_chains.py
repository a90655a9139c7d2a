# SPDX-License-Identifier: GPL-2.0-only
"""Call paths to a copy, 20 deep, against the path that the program prints of itself."""

import json

import memwatch
import pytest

LIBRARY = memwatch.TARGETS / "libchain.so"
# How compilers are told to leave the path: with and without frame pointers, and tables.
PROGRAMS = ["chain", "chain-O0", "chain-O0-bare", "chain-O2-pointers", "chain-O2-clang",
            "chain-static"]
MODES = ["plain", "signal", "alloca", "tail", "library"]
# Of a static program they are in its own file.
LIBCS = {"__libc_start_call_main", "__libc_start_main", "__libc_start_main_impl", "_start", "kill",
         "__kill", "__restore_rt"}


def watch(program, *arguments):
    run = memwatch.run("--budget", "2%", "--no-auto", "--", program, *arguments)
    assert run.status == 0, run.stderr
    chain = json.loads(run.stdout.splitlines()[0])["chain"]
    stalls = [stall for stall in run.of("stall") if stall["samples"] > 10]
    assert stalls, run.records
    return stalls, chain


def own_names(stall):
    """Without the routine, what comes before main(), and what delivers a signal: those are libc's."""
    own = [frame for frame in stall["stack"][1:]
           if not frame["module"].startswith("libc.so")
           and frame.get("name", "__restore_rt") not in LIBCS]
    # The compiler's clones ("middle.constprop.0") are of the function that is in the source.
    return [frame.get("name", "?").split(".constprop")[0] for frame in own]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_path_is_the_programs_own(program, mode):
    if program == "chain-static" and mode == "library":
        mode = "plain"
    stalls, chain = watch(memwatch.TARGETS / program, mode, LIBRARY)
    for stall in stalls:
        assert own_names(stall) == chain, stall
        assert stall["stack_end"] == "whole"
        assert stall["culprit"] == chain[0]


def test_a_handler_on_a_stack_of_its_own_says_where_it_ends():
    """What it interrupted lies on another stack, of which nothing was taken."""
    stalls, chain = watch(memwatch.TARGETS / "chain", "altstack", LIBRARY)
    for stall in stalls:
        names = own_names(stall)
        assert names == chain[:len(names)] and names[-1] == "on_signal", stall
        assert stall["stack_end"] in ("cut", "lost")


@pytest.mark.parametrize("mode", ["plain", "alloca", "tail"])
def test_frame_pointers_alone_lead_up(mode):
    stalls, chain = watch(memwatch.TARGETS / "chain-no-frames", mode, LIBRARY)
    for stall in stalls:
        assert own_names(stall) == chain, stall


def test_methods_and_templates_have_the_names_that_people_write():
    stalls, chain = watch(memwatch.TARGETS / "chain_cxx")
    for stall in stalls:
        assert own_names(stall) == chain, stall


def test_a_stripped_program_gives_places():
    stalls, chain = watch(memwatch.TARGETS / "chain-stripped", "plain")
    for stall in stalls:
        own = [frame for frame in stall["stack"] if frame["module"] == "chain-stripped"]
        # _start, and the path: as many as there are functions on it.
        assert len(own) == len(chain) + 1
        assert all("name" not in frame and frame["function_offset"] for frame in own[:-1])
