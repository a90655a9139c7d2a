# SPDX-License-Identifier: GPL-2.0-only
"""Targets that tell their own speed, slice for slice, while tools come and go."""

import os
import pathlib
import signal
import subprocess
import threading
import time

import attach
import stats

# A flush under a peer takes seconds, on a machine that has other work many.
DEADLINE_S = 120
LOOK_S = 0.01


class SlicingTarget:
    """A target that prints slices until it is killed.

    slices: what it said so far, for each kind; large: when each of its large copies began and
    ended; memmove_addr: where its memmove is, 0 if it does not say.
    """

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment)
        self.pid = self.process.pid
        self.name = str(command[0])
        self.slices = {}
        self.large = []
        self.memmove_addr = 0
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            word, *rest = line.split()
            if word == "slice":
                piece = stats.Slice(*map(int, rest[1:]))
                self.slices.setdefault(rest[0], []).append(piece)
            elif word == "large":
                self.large.append(tuple(map(int, rest)))
            elif word == "memmove":
                self.memmove_addr = int(rest[0], 16)

    def take(self, least_s, count=2, kinds=("copies",)):
        """Waits until it has said enough from now on: so long, and so many slices of each kind.

        Gives the slices: {kind: [...]}.
        """
        first_ns = attach.now_ns()
        end = time.monotonic() + max(DEADLINE_S, least_s * 2)
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            now_ns = attach.now_ns()
            taken = {kind: stats.within(self.slices.get(kind, ()), first_ns, now_ns)
                     for kind in kinds}
            if now_ns - first_ns >= least_s * 1e9 and min(map(len, taken.values())) >= count:
                return taken
            if self.process.poll() is not None:
                raise attach.CannotMeasure(f"{self.name} ended with {self.process.returncode}")
        raise attach.CannotMeasure(f"{self.name} came to no {count} slices")

    def stop(self):
        """At the end of a slice, where the target knows of it: lazy.c, stringio.py."""
        os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            state = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                return
            time.sleep(LOOK_S)
        raise attach.CannotMeasure(f"{self.name} did not stop")

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, deadline_s=DEADLINE_S):
        """Until it ends by itself."""
        self.process.wait(deadline_s)
        self.reader.join()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
