# SPDX-License-Identifier: GPL-2.0-only
"""What is measured side by side: nothing, nothing again, memwatch, and its peers."""

import contextlib
import time
from typing import NamedTuple

import attach
import peers

CONTROL = "nothing again (the control)"
DEFAULT = "memwatch"
EXACT = "memwatch --budget none"


class Memwatch(NamedTuple):
    name: str
    arguments: tuple = ()


MEMWATCHES = (Memwatch(DEFAULT), Memwatch(EXACT, ("--budget", "none")))


# What an attach takes, and a detach: the control lies as far from its neighbours.
ALONE_S = 0.1


class Nothing:
    """Stands where a tool would be attached."""

    def __init__(self):
        self.start_ns = self.live_ns = attach.now_ns()
        self.live_cpu_ns = self.cpu_ns = 0


@contextlib.contextmanager
def attached(tool, target, place, arguments=()):
    """The tool on a target (slices.py): gives what attach.Attached gives."""
    if isinstance(tool, Memwatch):
        with attach.Attached([target.pid], *tool.arguments, *arguments) as what:
            yield what
    elif isinstance(tool, peers.Peer):
        with peers.PeerAttached(tool, target, place) as what:
            yield what
    else:
        time.sleep(ALONE_S)
        what = Nothing()
        yield what
        time.sleep(ALONE_S)
        what.interrupt_ns = what.exit_ns = attach.now_ns()


def summary(records):
    """memwatch's last record: it must be there."""
    if not records or records[-1]["type"] != "summary":
        raise attach.CannotMeasure("memwatch wrote no summary")
    return records[-1]
