# SPDX-License-Identifier: GPL-2.0-only
"""Names from debuginfod: a report asks its servers, a watch takes what one has brought."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import threading

import memwatch
import pytest
from recordings import call, parse, record
from stripped import Stripped

WATCHED = ("--budget", "none", "--no-auto", "--")
ARGUMENTS = ("--writes", 300_000, "--chunk", "4K", "--pause", "20ms")


class Handler(http.server.SimpleHTTPRequestHandler):
    """As the protocol wants it: GET /buildid/ID/debuginfo."""

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_arguments):
        pass


@contextlib.contextmanager
def serve(folder):
    """Gives the server, with its address and what it was asked for."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A program whose names nobody here has, and its recording."""
    folder = tmp_path_factory.mktemp("recorded")
    stripped = Stripped(folder)
    path, live, finished = record(folder, *WATCHED, stripped.path, *ARGUMENTS)
    assert finished.returncode == 0, finished.stderr
    stripped.whole.unlink()
    assert culprits(live) and "flush_accumulator" not in culprits(live)
    return stripped, path


def culprits(json_lines):
    return {stall.get("culprit") for stall in parse(json_lines, "stall")}


def report(path, out, cache, url):
    """Gives what was told again, and on stderr."""
    env = {**os.environ, "DEBUGINFOD_CACHE_PATH": str(cache), "DEBUGINFOD_URLS": url}
    finished = call("report", path, "--json", out, env=env)
    assert finished.returncode == 0, finished.stderr
    return out.read_text().splitlines(), finished.stderr


def offer(stripped, folder):
    kept = folder / "buildid" / stripped.build_id()
    kept.mkdir(parents=True)
    shutil.copy(stripped.debug, kept / "debuginfo")


def test_a_report_asks(recorded, tmp_path):
    stripped, path = recorded
    offer(stripped, tmp_path)
    with serve(tmp_path) as server:
        again, said = report(path, tmp_path / "out.jsonl", tmp_path / "cache", server.url)
    assert culprits(again) == {"flush_accumulator"}
    assert f"/buildid/{stripped.build_id()}/debuginfo" in server.asked
    assert f"memwatch: asking debuginfod for the names in {stripped.path}" in said
    # Its DWARF is there, too.
    frames = [frame for stall in parse(again, "stall") for frame in stall["stack"]]
    assert any(frame.get("name") == "lazy_write" and frame.get("line") for frame in frames)


def test_nobody_is_asked_unless_told_to(recorded, tmp_path):
    stripped, path = recorded
    again, said = report(path, tmp_path / "out.jsonl", tmp_path / "cache", "")
    assert "flush_accumulator" not in culprits(again) and said == ""
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("server", ["without", "gone"])
def test_no_server_has_it(recorded, tmp_path, server):
    _, path = recorded
    with serve(tmp_path) as there:
        url = there.url
        if server == "without":
            again, said = report(path, tmp_path / "out.jsonl", tmp_path / "cache", url)
            assert there.asked and "warning" not in said
    if server == "gone":
        again, said = report(path, tmp_path / "out.jsonl", tmp_path / "cache", url)
        assert "debuginfod has no debug file for" in said
    assert culprits(again) and "flush_accumulator" not in culprits(again)


def test_another_builds_file(recorded, tmp_path):
    """No name is better than a wrong one, whoever sends it."""
    stripped, path = recorded
    (tmp_path / "other").mkdir()
    other = Stripped(tmp_path / "other", memwatch.WORKLOADS / "growbuf")
    other.build_id = stripped.build_id
    offer(other, tmp_path)
    with serve(tmp_path) as server:
        again, _ = report(path, tmp_path / "out.jsonl", tmp_path / "cache", server.url)
    assert server.asked
    assert not culprits(again) & {"flush_accumulator", "grow_buffer"}


@pytest.mark.parametrize("kept", ["own", "shared", "home", "oldest"])
def test_a_watch_takes_what_is_there(tmp_path, kept):
    """It asks nobody: the target must not wait for a network."""
    stripped = Stripped(tmp_path)
    folders = {"own": (tmp_path / "own", {"DEBUGINFOD_CACHE_PATH": tmp_path / "own"}),
               "shared": (tmp_path / "debuginfod_client", {"XDG_CACHE_HOME": tmp_path}),
               "home": (tmp_path / ".cache" / "debuginfod_client", {"HOME": tmp_path}),
               "oldest": (tmp_path / ".debuginfod_client_cache", {"HOME": tmp_path})}
    folder, settings = folders[kept]
    (folder / stripped.build_id()).mkdir(parents=True)
    shutil.copy(stripped.debug, folder / stripped.build_id() / "debuginfo")
    kept_out = ("DEBUGINFOD_CACHE_PATH", "XDG_CACHE_HOME", "DEBUGINFOD_URLS")
    env = {name: value for name, value in os.environ.items() if name not in kept_out}
    with serve(tmp_path) as server:
        env.update({name: str(value) for name, value in settings.items()},
                   DEBUGINFOD_URLS=server.url)
        run = memwatch.run("--flush", "flush_accumulator", "--", stripped.path, *ARGUMENTS,
                           env=env)
    assert run.status == 0, run.stderr
    assert len(run.of("flush")) == 3 and server.asked == []
    assert json.dumps(run.of("flush")).count('"lazy_write"') > 0


def test_an_empty_file_says_that_there_is_none(tmp_path):
    stripped = Stripped(tmp_path)
    kept = tmp_path / "cache" / stripped.build_id()
    kept.mkdir(parents=True)
    (kept / "debuginfo").touch(mode=0)
    run = memwatch.run("-v", "--flush", "flush_accumulator", "--", stripped.path, *ARGUMENTS,
                       env={**os.environ, "DEBUGINFOD_CACHE_PATH": str(tmp_path / "cache")})
    assert run.status == 1 and run.of("flush") == []
    assert "debuginfod" not in run.stderr
