# SPDX-License-Identifier: GPL-2.0-only
"""Runs memwatch and its targets for the live tests, and reads what both say."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MEMWATCH_BUILD", "build")
MEMWATCH = BUILD / "memwatch"
# Targets are never sanitized: a sanitizer's own memcpy would not be glibc's.
WORKLOADS = BUILD / "workloads"
VARIANTS = BUILD / "variants"
TARGETS = BUILD / "targets"
DEADLINE_S = 120


class Run:
    """A finished memwatch: its exit status, its text and its JSON records."""

    def __init__(self, status, stdout, stderr, records):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.records = records

    def of(self, kind):
        return [record for record in self.records if record["type"] == kind]

    @property
    def summary(self):
        (summary,) = self.of("summary")
        return summary

    def function(self, name):
        (function,) = [f for f in self.summary["functions"] if f["function"] == name]
        return function


def read_lines(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def with_every_copy(arguments):
    """
    memwatch's arguments, without a budget unless the test is about one: what is left out then can't
    be compared with the truth. Nor is anything watched that the test did not name.
    """
    words = [*map(str, arguments)]
    own = words[:words.index("--")] if "--" in words else words
    is_limited = any(word.startswith(("--gate", "--budget")) for word in own)
    return words if is_limited else ["--budget", "none", "--no-auto", *words]


class Watch:
    """A memwatch that runs: `with Watch(...) as watch: ...; run = watch.finish()`."""

    def __init__(self, *arguments, env=None, cwd=None, preexec=None):
        self.folder = tempfile.TemporaryDirectory(prefix="memwatch-test-")
        self.json_path = os.path.join(self.folder.name, "records.jsonl")
        self.process = subprocess.Popen(
            [str(MEMWATCH), "--json", self.json_path, *with_every_copy(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=env,
            cwd=cwd,
            preexec_fn=preexec,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # The launched command as well: communicate() waits until nobody holds the pipes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self.folder.cleanup()

    def wait_for(self, kind, count=1, deadline_s=20, **fields):
        """Waits until the JSON holds `count` records of a kind (whose fields are as given)."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            records = [r for r in self.records() if r["type"] == kind
                       and all(r.get(k) == v for k, v in fields.items())]
            if len(records) >= count:
                return records
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError(f"no {count} {kind} records in {deadline_s} s: {self.records()}")

    def records(self):
        if not os.path.exists(self.json_path):
            return []
        with open(self.json_path) as lines:
            # The last line may be half written.
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def finish(self, deadline_s=DEADLINE_S):
        stdout, stderr = self.process.communicate(timeout=deadline_s)
        records = read_lines(self.json_path) if os.path.exists(self.json_path) else []
        return Run(self.process.returncode, stdout, stderr, records)


def run(*arguments, env=None, cwd=None, deadline_s=DEADLINE_S):
    with Watch(*arguments, env=env, cwd=cwd) as watch:
        return watch.finish(deadline_s)


class Signalled:
    """A target that waits for SIGUSR1 and says so: attach to .pid first, then go()."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([str(program), *map(str, arguments)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert "waiting for SIGUSR1" in self.process.stderr.readline()
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def go(self):
        self.process.send_signal(signal.SIGUSR1)

    def output(self, deadline_s=DEADLINE_S):
        stdout, stderr = self.process.communicate(timeout=deadline_s)
        assert self.process.returncode == 0, stderr
        return stdout


class Waiting(Signalled):
    """A workload: it has --wait, and writes its truth to a file."""

    def __init__(self, program, *arguments):
        self.folder = tempfile.TemporaryDirectory(prefix="memwatch-truth-")
        self.truth_path = os.path.join(self.folder.name, "truth.jsonl")
        super().__init__(program, *arguments, "--wait", "--truth", self.truth_path)

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.folder.cleanup()

    def finish(self, deadline_s=DEADLINE_S):
        """Gives the exit status and the truth."""
        self.process.communicate(timeout=deadline_s)
        return self.process.returncode, read_lines(self.truth_path)
