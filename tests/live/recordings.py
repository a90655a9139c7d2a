# SPDX-License-Identifier: GPL-2.0-only
"""Recordings, and what is told of them again."""

import json
import subprocess

import memwatch


def words(*arguments):
    return [str(word) for word in (memwatch.MEMWATCH, *arguments)]


def call(*arguments, **settings):
    return subprocess.run(words(*arguments), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=memwatch.DEADLINE_S, **settings)


def lines(path):
    return path.read_text().splitlines()


def record(folder, *arguments, **settings):
    """Gives the recording, what the live JSON said, and the finished process."""
    path, live = folder / "watch.rec", folder / "live.jsonl"
    finished = call("record", "-o", path, "--json", live, *arguments, **settings)
    return path, lines(live), finished


def replay(path, *arguments, **settings):
    """Gives the lines of JSON, and the finished process."""
    again = path.with_suffix(".jsonl")
    finished = call("report", path, "--json", again, *arguments, **settings)
    assert finished.returncode == 0, finished.stderr
    return lines(again), finished


def parse(json_lines, kind):
    return [r for r in map(json.loads, json_lines) if r["type"] == kind]


def check_same(live, again):
    assert live, "nothing was told"
    for said, repeated in zip(live, again):
        assert said == repeated
    assert len(live) == len(again)
