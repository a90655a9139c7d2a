# SPDX-License-Identifier: GPL-2.0-only
"""A launched command runs as it would without memwatch, from its first instruction on."""

import memwatch

EARLY = memwatch.TARGETS / "early"


def watch_early(how):
    run = memwatch.run("--min-time", "0ns", "--flush", "work", "--", EARLY, how)
    assert run.status == 0, run.stderr
    return run


def test_exec_before_the_entry_point():
    run = watch_early("exec")
    assert run.stdout == "executed\n"
    assert run.function("work")["calls"] == 1


def test_fork_before_the_entry_point():
    """The child must not meet memwatch's breakpoint."""
    assert watch_early("fork").stdout == "fork\nfork\n"
