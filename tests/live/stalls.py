# SPDX-License-Identifier: GPL-2.0-only
"""What memwatch tells of stalls that nobody named, beside what is true."""

# As a user has it; the other tests take the budget away.
AS_IT_IS = ("--budget", "2%")


def names(record):
    """The path, the copy first: a frame without a name is its file."""
    return [frame.get("name", frame.get("module", "?")) for frame in record.get("stack", [])]


def stalls_of(run, culprit):
    return [stall for stall in run.of("stall") if stall.get("culprit") == culprit]


def overlap_ns(stall, true):
    begin = max(stall["start_ns"], true["start_ns"])
    end = min(stall["start_ns"] + stall["duration_ns"], true["start_ns"] + true["duration_ns"])
    return max(0, end - begin)


def check_covered(told, truth, of_each=0.5, of_all=0.85):
    """
    The time of the true calls is in what was told of: stalls, and flushes later. Of each call some
    may be missing at its ends, where its thread was waiting for a CPU; or in between, where it did
    something else than to copy.
    """
    assert truth
    covered_ns = [sum(overlap_ns(record, true) for record in told) for true in truth]
    for true, ns in zip(truth, covered_ns):
        assert ns >= of_each * true["duration_ns"], (true, told)
    assert sum(covered_ns) >= of_all * sum(true["duration_ns"] for true in truth)


def check_path(record, *expected):
    """These functions in this order, the innermost first, right behind the copy routine."""
    found = names(record)
    assert [name for name in found if name in expected] == [*expected], found
