# SPDX-License-Identifier: GPL-2.0-only
"""Other tracers, set on the memmove that the target really calls.

None of them finds it by its name: in libc the symbol is the IFUNC's resolver. They are given the
offset of the implementation in libc's file instead.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import NamedTuple

import attach
import slices

COPIES = attach.BUILD / "bench" / "copies"
BREAKPOINT = b"\xcc"
LIVE_S = 20
END_S = 20
LOOK_S = 0.005
# perf probe and bpftrace need a tracefs that may not be mounted: in a mount namespace of their own.
WITH_TRACEFS = ["unshare", "-m", "sh", "-c",
                'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh"]
FUNCLATENCY = "funclatency-bpfcc"
FUNCLATENCY_AT = pathlib.Path(__file__).parent / "funclatency_at.py"


class Unavailable(Exception):
    """Why a peer could not measure, in a line."""


class Place(NamedTuple):
    """Where the implementation of memmove is."""
    file: str
    offset: int


def mappings(pid):
    """Gives (first address, end, offset in the file, file) of each."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        first, end = (int(part, 16) for part in fields[0].split("-"))
        yield first, end, int(fields[2], 16), fields[5] if len(fields) > 5 else ""


def place_of(pid, addr):
    for first, end, offset, file in mappings(pid):
        if first <= addr < end:
            return Place(file, addr - first + offset)
    raise attach.CannotMeasure(f"process {pid} has nothing mapped at {addr:#x}")


def address_of(place, pid):
    for first, end, offset, file in mappings(pid):
        if file == place.file and offset <= place.offset < offset + end - first:
            return first + place.offset - offset
    raise attach.CannotMeasure(f"process {pid} has no {place.file}")


def resolved_place():
    """Where memmove is, for all programs: they have the same libc and the same processor."""
    with slices.SlicingTarget(COPIES, "64") as target:
        target.take(0, 1)
        return place_of(target.pid, target.memmove_addr)


class Peer(NamedTuple):
    name: str
    program: str
    seen: str                    # what its output says of the number of copies that it saw
    command: object              # command(place, event): what it is started with, less the next two
    attached: object             # attached(pid): with a process
    makes_event: bool = False    # needs a uprobe event of perf's


def _perf_event(place, event, remove=False):
    change = ["-d", event] if remove else \
        ["-x", place.file, "-a", f"{event}={place.offset:#x}"]
    done = subprocess.run([*WITH_TRACEFS, "perf", "probe", "-q", *change], capture_output=True,
                          text=True)
    if done.returncode and not remove:
        raise Unavailable(last_line(done.stderr))


PEERS = (
    Peer("bpftrace", "bpftrace", r"@: (\d+)",
         lambda place, event: [*WITH_TRACEFS, "bpftrace", "-e",
                               f"uprobe:{place.file}:{place.offset:#x} {{ @ = count(); }}"],
         lambda pid: ["-p", str(pid)]),
    Peer("perf probe", "perf", r"([\d,]+) +memwatch_bench:",
         lambda place, event: [*WITH_TRACEFS, "perf", "stat", "-e", event],
         lambda pid: ["-p", str(pid)], True),
    Peer("funclatency", FUNCLATENCY, r"avg = .* count: (\d+)",
         lambda place, event: [*WITH_TRACEFS, attach.PYTHON, str(FUNCLATENCY_AT),
                               shutil.which(FUNCLATENCY), place.file, f"{place.offset:#x}"],
         lambda pid: ["-p", str(pid)]),
)


def event_name():
    """Of this bench alone: another may run."""
    return f"memwatch_bench:copy_{os.getpid()}"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def kernel_headers_missing(text):
    """bcc's message stands above a long traceback."""
    return "Unable to find kernel headers" in text


class PeerAttached:
    """A peer on a process' memmove: `with PeerAttached(peer, target, place) as attached: ...`

    The same names as attach.Attached has. seen: how many copies it counted by its own account.
    """

    def __init__(self, peer, target, place):
        self.peer, self.place = peer, place
        if not shutil.which(peer.program):
            raise Unavailable(f"{peer.program} is not installed")
        self.event = event_name()
        self.memory = open(f"/proc/{target.pid}/mem", "rb", buffering=0)
        self.addr = target.memmove_addr
        self.output = tempfile.TemporaryFile("w+")
        self.start_ns = attach.now_ns()
        if peer.makes_event:
            _perf_event(place, self.event)
        command = [*peer.command(place, self.event), *peer.attached(target.pid)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT)
        try:
            self.live_ns = self._wait_byte(True, LIVE_S)
        except BaseException:
            self._end()
            raise

    def _text(self):
        self.output.seek(0)
        return self.output.read()

    def _wait_byte(self, is_set, deadline_s):
        """Until its breakpoint is there, or gone: what it says about itself may come earlier."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            self.memory.seek(self.addr)
            if (self.memory.read(1) == BREAKPOINT) == is_set:
                self.live_cpu_ns = attach.cpu_ns(self.process.pid)
                return attach.now_ns()
            if is_set and self.process.poll() is not None:
                text = self._text()
                raise Unavailable("bcc finds no kernel headers" if kernel_headers_missing(text)
                                  else last_line(text))
            time.sleep(LOOK_S)
        raise Unavailable(f"its probe was not {'set' if is_set else 'gone'} in {deadline_s} s")

    def _end(self):
        self.cpu_ns = attach.cpu_ns(self.process.pid)
        self.interrupt_ns = attach.now_ns()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.exit_ns = attach.now_ns()
        if self.peer.makes_event:
            _perf_event(self.place, self.event, remove=True)
        said = re.search(self.peer.seen, self._text())
        self.seen = int(said[1].replace(",", "")) if said else 0
        self.output.close()
        self.memory.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._end()
