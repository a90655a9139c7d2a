# SPDX-License-Identifier: GPL-2.0-only
"""What memory a process holds: its own, its files' and, by its descriptors, the kernel's for it."""

import pathlib
import re
import threading

KIB = 1024
RING_MAP_TYPE = 27  # BPF_MAP_TYPE_RINGBUF
# How a mapped ring is called in /proc/PID/smaps.
RING_MAPPING = "anon_inode:bpf-map"


def parse_smaps(text):
    """Gives each mapping's name with its figures in bytes: [("[heap]", {"Rss": 4096, ...}), ...]"""
    mappings = []
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$", line):
            mappings.append((head[1], {}))
        elif figure := re.match(r"(\w+): +(\d+) kB$", line):
            mappings[-1][1][figure[1]] = int(figure[2]) * KIB
    return mappings


def split_smaps(mappings):
    """Its own pages, those of files that nobody else has mapped now, and the rings'.

    A page of a file that was not written to is the page cache's: the kernel takes it back when it
    needs the room. Written ones and those without a file are the process' own.
    """
    own = files = ring = ring_mapped = 0
    for name, figures in mappings:
        if name.startswith(RING_MAPPING):
            ring += figures["Rss"]
            ring_mapped += figures["Size"]
            continue
        # A private page of a file that was written to counts as both.
        own += max(figures["Private_Dirty"], figures["Anonymous"])
        files += figures["Private_Clean"]
    return {"own": own, "files": files, "ring": ring, "ring_mapped": ring_mapped}


def parse_map_info(text):
    """One BPF map's /proc/PID/fdinfo/FD as (type, entries, bytes); None for another descriptor."""
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    if "map_type" not in fields:
        return None
    return int(fields["map_type"]), int(fields["max_entries"]), int(fields["memlock"])


def kernel_maps(pid):
    """The sizes of the rings, largest first, and the bytes of all other maps together."""
    rings, others = [], 0
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            info = parse_map_info(path.read_text())
        except FileNotFoundError:  # closed meanwhile
            continue
        if not info:
            continue
        kind, entries, held_bytes = info
        if kind == RING_MAP_TYPE:
            rings.append(entries)
        else:
            others += held_bytes
    return sorted(rings, reverse=True), others


def status_bytes(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * KIB
    return 0


def of(pid):
    figures = split_smaps(parse_smaps(pathlib.Path(f"/proc/{pid}/smaps").read_text()))
    figures["peak_resident"] = status_bytes(pid, "VmHWM")
    figures["rings"], figures["maps"] = kernel_maps(pid)
    return figures


class PeakWatch(threading.Thread):
    """Looks at a process' own memory each millisecond: VmHWM has files and rings in it."""

    def __init__(self, pid):
        super().__init__()
        self.pid = pid
        self.peak = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.001):
            try:
                self.peak = max(self.peak, status_bytes(self.pid, "RssAnon"))
            except (FileNotFoundError, ProcessLookupError):
                return

    def finish(self):
        self.ended.set()
        self.join()
        return self.peak
