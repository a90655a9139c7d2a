# SPDX-License-Identifier: GPL-2.0-only
"""Large copies, and what may happen within one before it ends: all are seen, no target is harmed."""

import json

import pytest

import memwatch

ROUNDS = 60
MODES = ("plain", "nested", "jump", "fork", "vfork", "leave")
HANDLER_BYTES = 2 << 20


def watch(mode):
    run = memwatch.run("--min-bytes=1M", "--", memwatch.TARGETS / "largecopy", mode, ROUNDS)
    assert run.status == 0, run.stderr
    return run, [json.loads(line) for line in run.stdout.splitlines()]


def copies_of(run, thread):
    return [copy for copy in run.of("copy") if copy["tid"] == thread["tid"]]


@pytest.mark.parametrize("mode", MODES)
def test_every_copy_is_seen_and_none_goes_wrong(mode):
    run, threads = watch(mode)
    assert [thread["bad"] for thread in threads] == [0] * len(threads)
    for thread in threads:
        seen = copies_of(run, thread)
        # Those that were left had begun, with a size that the target does not add up.
        assert len(seen) == thread["copies"] + thread["left"] + thread["nested"]
        if not thread["left"]:
            expected = thread["copied_bytes"] + thread["nested"] * HANDLER_BYTES
            assert sum(copy["bytes"] for copy in seen) == expected
    assert run.summary["lost_events"] == 0
    assert "warning" not in run.stderr


def test_the_handlers_come_in_the_midst_of_copies():
    """Else the modes above would show nothing."""
    happened = {mode: watch(mode)[1] for mode in MODES[1:]}
    for mode, field in zip(MODES[1:], ("nested", "left", "children", "children", "left")):
        assert sum(thread[field] for thread in happened[mode]) > 0, mode
