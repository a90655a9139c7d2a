# SPDX-License-Identifier: GPL-2.0-only
"""Attaches memwatch to processes and takes the time until its probes are live."""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MEMWATCH_BUILD", "build")
MEMWATCH = BUILD / "memwatch"
PYTHON = "/usr/bin/python3"
DEADLINE_S = 60
# The times are memwatch's own stamps: how often its records are looked at changes none of them.
LOOK_S = 0.02


class CannotMeasure(Exception):
    pass


def now_ns():
    """The clock of memwatch's records."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def cpu_ns(pid):
    """What all threads of a process ran so far, ended ones too; 0 if it is gone."""
    with contextlib.suppress(OSError):
        # As clock_getcpuclockid(3) makes it of a pid.
        return time.clock_gettime_ns(~pid << 3 | 2)
    return 0


class Target:
    """A process to attach to; with `says`, one that writes that line when it has started."""

    def __init__(self, *command, says="ready"):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        text=True)
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        if line.strip() != says:
            raise CannotMeasure(f"{command[0]} did not start: {line!r}")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()


def python_target(code="signal.pause()"):
    return Target(PYTHON, "-c", f"import signal; print('ready', flush=True); {code}")


class Attached:
    """A memwatch that is attached: `with Attached(pids, ...) as attached: ...`

    start_ns, live_ns: just before it was started, and when the last process' probes were live.
    After the block interrupt_ns, exit_ns and status: when it was told to detach, when it had ended,
    and how; live_cpu_ns, cpu_ns: the processor time that it had taken when its probes were live,
    and when it was told to detach; final: all of its records.
    """

    def __init__(self, pids, *arguments, started=None, deadline_s=DEADLINE_S):
        """started(pid): called as soon as memwatch runs."""
        self.pids = list(pids)
        self.folder = tempfile.TemporaryDirectory(prefix="memwatch-bench-")
        self.records_path = os.path.join(self.folder.name, "records.jsonl")
        self.lines = []  # of its stderr, each with the time when it came
        command = [str(MEMWATCH), "--json", self.records_path, *map(str, arguments)]
        for pid in self.pids:
            command += ["--pid", str(pid)]
        self.start_ns = now_ns()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.pid_fd = os.pidfd_open(self.process.pid)
        if started:
            started(self.process.pid)
        self.reader = threading.Thread(target=self._read_lines)
        self.reader.start()
        try:
            self.live_ns = self._wait_live(deadline_s)
        except BaseException:
            self._end()
            raise

    def _read_lines(self):
        for line in self.process.stderr:
            self.lines.append((now_ns(), line))

    def _wait_live(self, deadline_s):
        end = time.monotonic() + deadline_s
        while time.monotonic() < end and self.process.poll() is None:
            children = [record for record in self.records() if record["type"] == "child"]
            unwatched = [child for child in children if not child["watched"]]
            if unwatched:
                raise CannotMeasure(f"not watched: {unwatched[0]}")
            if len(children) >= len(self.pids):
                self.live_cpu_ns = cpu_ns(self.process.pid)
                return max(child["at_ns"] for child in children)
            time.sleep(LOOK_S)
        text = "".join(line for _, line in self.lines)
        raise CannotMeasure(f"{len(self.pids)} processes were not live in {deadline_s} s: {text}")

    def records(self):
        with contextlib.suppress(FileNotFoundError), open(self.records_path) as lines:
            # The last line may be half written.
            return [json.loads(line) for line in lines if line.endswith("\n")]
        return []

    def said_ns(self, text, deadline_s=DEADLINE_S):
        """When it wrote a line with this text."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            for at_ns, line in list(self.lines):
                if text in line:
                    return at_ns
            time.sleep(LOOK_S)
        raise CannotMeasure(f"it did not say {text!r} in {deadline_s} s")

    def _end(self):
        self.cpu_ns = cpu_ns(self.process.pid)
        self.interrupt_ns = now_ns()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        # Popen.wait() with a deadline looks every 50 ms only.
        ended, _, _ = select.select([self.pid_fd], [], [], DEADLINE_S)
        self.exit_ns = now_ns()
        if not ended:
            self.process.kill()
        self.status = self.process.wait()
        os.close(self.pid_fd)
        self.reader.join()
        self.process.stderr.close()
        self.final = self.records()
        self.folder.cleanup()
        if not ended:
            raise CannotMeasure(f"memwatch did not detach within {DEADLINE_S} s")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._end()


def version_ns():
    """memwatch's start alone: exec, its libraries, and the end."""
    start_ns = now_ns()
    subprocess.run([MEMWATCH, "--version"], stdout=subprocess.DEVNULL, check=True)
    return now_ns() - start_ns


def say(line):
    """What the bench does now, beside the tables."""
    print(line, file=sys.stderr, flush=True)
