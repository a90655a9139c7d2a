# SPDX-License-Identifier: GPL-2.0-only
"""A recording says again, later and to anybody, what the watch said."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

import memwatch
import pytest
from recordings import call, check_same, lines, parse, record, replay, words

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
SOURCES = memwatch.ROOT / "tests" / "live" / "targets"
COMMAND = ("--", LAZYWRITE, "--writes", 300_000, "--chunk", "4K")
FLUSH = ("--flush", "flush_accumulator", "--writes", "lazy_write")
EVERY = ("--budget", "none")


# ---- the same, line by line ----

@pytest.mark.sanitized
def test_a_watch_with_named_functions(tmp_path):
    path, live, finished = record(tmp_path, *FLUSH, *EVERY, *COMMAND)
    assert finished.returncode == 0, finished.stderr
    assert len(parse(live, "flush")) == 3 and parse(live, "finding")
    again, report = replay(path)
    check_same(live, again)
    assert report.stderr == ""
    assert "1 in 100,000 calls of lazy_write stalls: flush_accumulator" in \
        " ".join(report.stdout.split())
    # The command's words and one line about the recording, and no report.
    (line,) = finished.stderr.splitlines()
    assert re.fullmatch(rf"memwatch: [\d.]+ \w+ recorded in {path} \([\d,]+ samples?, [\d.]+ "
                        rf"\w+\); see it with: memwatch report {path}", line)
    assert finished.stdout.startswith("300000 writes of 4096 bytes in ")


def test_a_watch_that_finds_the_function_by_itself(tmp_path):
    path, live, _ = record(tmp_path, "--", LAZYWRITE, "--writes", 900_000, "--chunk", "4K",
                           "--pause", "20ms")
    assert parse(live, "stall")
    again, _ = replay(path)
    check_same(live, again)


def test_a_watch_under_a_budget(tmp_path):
    """Steps of the budget change what is known of a function while it is told of."""
    path, live, _ = record(tmp_path, *FLUSH, "--budget", "0.5%", "--", LAZYWRITE,
                           "--writes", 600_000, "--chunk", "256")
    assert parse(live, "budget")
    again, _ = replay(path)
    check_same(live, again)


def test_several_processes(tmp_path):
    script = f"{LAZYWRITE} --writes 200000 & {LAZYWRITE} --writes 200000 --chunk 2K; wait"
    path, live, _ = record(tmp_path, *FLUSH, *EVERY, "--", "sh", "-c", script)
    assert len({child["pid"] for child in parse(live, "child")}) >= 3
    again, _ = replay(path)
    check_same(live, again)


COPYING = """
import ctypes, os, sys, time
into, source = bytearray(64 << 20), bytes(64 << 20)
address = ctypes.addressof(ctypes.c_char.from_buffer(into))
for _ in range(40):
    ctypes.memmove(address, source, 64 << 20)
print(flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(3)", "os.kill(os.getpid(), 9)"],
                         ids=["silence", "death"])
def test_stalls_that_are_over_without_another_sample(tmp_path, then):
    """Time says so, or the end of the process, and it is told of then, not at the end."""
    program = tmp_path / "copying.py"
    program.write_text(COPYING.format(then=then))
    path, live, _ = record(tmp_path, "--no-auto", "--", "sh", "-c",
                           f"/usr/bin/python3 {program} | {{ read line; sleep 1; /bin/true; }}")
    told = [r["type"] for r in map(json.loads, live)
            if r["type"] == "stall" or r.get("comm") == "true"]
    assert "stall" in told[:told.index("child")]
    check_same(live, replay(path)[0])


def test_an_attach(tmp_path):
    path, live = tmp_path / "watch.rec", tmp_path / "live.jsonl"
    with memwatch.Waiting(LAZYWRITE, "--writes", 300_000) as target:
        with subprocess.Popen(words("record", "-o", path, "--json", live, *FLUSH, *EVERY, "--pid",
                                    target.pid), stderr=subprocess.PIPE, text=True) as watch:
            deadline = time.monotonic() + 20
            while not (live.exists() and parse(complete(live), "child")):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            target.go()
            target.finish()
            watch.communicate(timeout=memwatch.DEADLINE_S)
        assert watch.returncode == 0
    assert len(parse(lines(live), "flush")) == 3
    check_same(lines(live), replay(path)[0])


def test_go_has_no_build_id(tmp_path):
    """Its file is known again by size and time."""
    program = tmp_path / "lazygo"
    shutil.copy2(memwatch.TARGETS / "lazygo", program)
    path, live, _ = record(tmp_path, "--flush", "main.(*Buf).Flush", *EVERY, "--", program,
                           "--flushes", 3, "--limit", 300)
    stacks = [flush["stack"] for flush in parse(live, "flush") if "stack" in flush]
    assert any(frame.get("name", "").startswith("main.") for stack in stacks for frame in stack)
    check_same(live, replay(path)[0])
    os.utime(program, (1, 1))
    again, _ = replay(path)
    for flush in parse(again, "flush"):
        assert not any(frame.get("name", "").startswith("main.")
                       for frame in flush.get("stack", []))


def test_names_that_a_jit_gave(tmp_path):
    """Its map is gone by then: what was read of it is recorded."""
    node = shutil.which("node")
    assert node, "node is not installed: sudo make check brings it"
    path, live, finished = record(tmp_path, "--budget", "none", "--no-auto", "--", node,
                                  "--perf-basic-prof", SOURCES / "concat.js", 6,
                                  cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    os.unlink(f"/tmp/perf-{parse(live, 'child')[0]['pid']}.map")
    assert any(name and ("concat.js" in name or "Trampoline" in name) for name in names_in(live))
    check_same(live, replay(path)[0])


def test_anybody_may_look(tmp_path):
    path, live, _ = record(tmp_path, *FLUSH, *EVERY, *COMMAND)
    nobody = pwd.getpwnam("nobody")
    folder = tmp_path / "nobodys"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    for parent in (tmp_path, *tmp_path.parents):
        if parent != pathlib.Path("/") and parent != pathlib.Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o055)
    path.chmod(0o644)
    again = folder / "again.jsonl"
    finished = call("report", path, "--json", again, user=nobody.pw_uid, group=nobody.pw_gid,
                    extra_groups=[], cwd=folder)
    assert finished.returncode == 0, finished.stderr
    check_same(live, lines(again))


# ---- files that are gone, or others ----

def stalls_and_flushes(json_lines):
    return [(r["start_ns"], r["duration_ns"]) for r in map(json.loads, json_lines)
            if r["type"] in ("stall", "flush")]


def names_in(json_lines):
    return {frame.get("name") for record in map(json.loads, json_lines)
            for frame in record.get("stack", [])}


@pytest.mark.parametrize("fate", ["gone", "another", "pipe"])
def test_the_program_is_another_by_then(tmp_path, fate):
    """No name is better than a wrong one."""
    program = tmp_path / "program"
    shutil.copy2(LAZYWRITE, program)
    path, live, _ = record(tmp_path, *FLUSH, *EVERY, "--", program, *COMMAND[2:])
    assert "lazy_write" in names_in(live)
    program.unlink()
    if fate == "another":
        shutil.copy2(memwatch.WORKLOADS / "growbuf", program)
    elif fate == "pipe":
        os.mkfifo(program)
    again, _ = replay(path)
    assert stalls_and_flushes(again) == stalls_and_flushes(live)
    assert not names_in(again) & {"lazy_write", "flush_accumulator", "main"}
    (before, after) = (parse(said, "summary")[0]["functions"] for said in (live, again))
    assert before == after


# ---- recordings that end too early ----

def complete(path):
    """The last line may be half written."""
    return [line for line in path.read_text().split("\n")[:-1]]


def test_memwatch_is_killed(tmp_path):
    path, live = tmp_path / "watch.rec", tmp_path / "live.jsonl"
    watch = subprocess.Popen(words("record", "-o", path, "--json", live, *FLUSH, *EVERY, "--",
                                   LAZYWRITE, "--writes", 100_000_000),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (live.exists() and len(parse(complete(live), "flush")) >= 3):
            assert time.monotonic() < deadline and watch.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(watch.pid, signal.SIGKILL)
        watch.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(watch.pid, signal.SIGKILL)
    said = complete(live)
    again, report = replay(path)
    # All that had been told, and then what that comes to.
    assert len(parse(said, "flush")) >= 3
    assert again[:len(said)] == said
    (summary,) = parse(again, "summary")
    assert summary["cut_off"] is True
    assert "calls" not in summary["functions"][0] and "copies" not in summary
    assert summary["functions"][0]["reported"] == len(parse(again, "flush"))
    assert re.fullmatch(rf"memwatch: warning: {path}: cut off after [\d.]+ s; what follows is "
                        r"missing\n", report.stderr)
    assert "The recording is cut off after" in report.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return record(tmp_path_factory.mktemp("whole"), *FLUSH, *EVERY, *COMMAND)[:2]


def test_a_cut_file(whole, tmp_path):
    path, live = whole
    content = path.read_bytes()
    cut = tmp_path / "cut.rec"
    told = set()
    for part in range(1, 20):
        cut.write_bytes(content[:len(content) * part // 20])
        again, report = replay(cut)
        assert report.stderr.count("\n") == 1 and "cut off after" in report.stderr
        before = [line for line in again if '"cut_off":true' not in line
                  and '"type":"finding"' not in line]
        assert before == live[:len(before)]
        told.add(len(before))
    assert len(told) >= 3


def test_a_damaged_file(whole, tmp_path):
    """Two holes: what is between and around them is told."""
    path, live = whole
    content = bytearray(path.read_bytes())
    for place in (len(content) // 3, len(content) * 2 // 3):
        content[place:place + 8] = bytes(byte ^ 0xff for byte in content[place:place + 8])
    broken = tmp_path / "broken.rec"
    broken.write_bytes(content)
    again, report = replay(broken)
    assert report.stderr == f"memwatch: warning: {broken}: 2 damaged parts were left out\n"
    (before, after) = (parse(said, "summary")[0]["functions"] for said in (live, again))
    assert [f["calls"] for f in before] == [f["calls"] for f in after]


def test_what_is_no_recording(whole, tmp_path):
    path, _ = whole
    newer = bytearray(path.read_bytes())
    newer[8] = 7
    cases = {"empty": b"", "text": b"hello\n" * 100, "elf": LAZYWRITE.read_bytes()}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, why in {"empty": "is empty", "text": "is no recording", "elf": "is no recording",
                      "pipe": "is a pipe", "folder": "is a directory",
                      "missing": "No such file"}.items():
        out = tmp_path / "kept.txt"
        out.write_text("kept")
        finished = call("report", tmp_path / name, "-o", out)
        assert finished.returncode == 1
        assert finished.stderr.count("\n") == 1 and why in finished.stderr
        assert out.read_text() == "kept"


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "memwatch-test", folder],
                   check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk(tmp_path):
    """The watch goes on; what had found room can be read."""
    live = tmp_path / "live.jsonl"
    with small_disk(tmp_path / "small", "64k") as small:
        path = small / "watch.rec"
        finished = call("record", "-o", path, "--json", live, "--budget", "none", "--", LAZYWRITE,
                        "--writes", 400_000, "--chunk", "10K")
        assert finished.returncode == 1
        assert finished.stderr.count("can't write to") == 1
        assert f"can't write to {path}: No space left on device; the recording ends here, the " \
               "watch goes on" in finished.stderr
        assert parse(lines(live), "summary")
        kept = tmp_path / "watch.rec"
        shutil.copy(path, kept)
    again, report = replay(kept)
    assert "cut off after" in report.stderr
    assert parse(again, "header") == parse(lines(live), "header")


# ---- the file ----

def test_an_earlier_recording_survives_a_start_that_fails(tmp_path):
    path = tmp_path / "watch.rec"
    path.write_text("earlier")
    assert call("record", "-o", path, "--", "/nowhere/nothing").returncode != 0
    assert path.read_text() == "earlier"


def test_it_belongs_to_who_called_sudo(tmp_path):
    nobody = pwd.getpwnam("nobody")
    folder = pathlib.Path("/tmp") / f"memwatch-nobodys-{os.getpid()}"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    path = folder / "watch.rec"
    sudo = dict(os.environ, SUDO_UID=str(nobody.pw_uid), SUDO_GID=str(nobody.pw_gid),
                SUDO_USER="nobody")
    try:
        finished = call("record", "-o", path, "--", "/bin/true", env=sudo)
        assert finished.returncode == 0, finished.stderr
        assert (path.stat().st_uid, path.stat().st_gid) == (nobody.pw_uid, nobody.pw_gid)
        assert path.stat().st_mode & 0o777 == 0o600  # it holds stacks of the target
    finally:
        shutil.rmtree(folder)


def test_the_json_is_another_file(tmp_path):
    path, link = tmp_path / "watch.rec", tmp_path / "link"
    path.touch()
    link.symlink_to(path)
    finished = call("record", "-o", path, "--json", link, "--", "/bin/true")
    assert finished.returncode == 1 and "same file" in finished.stderr


def test_no_report_goes_over_a_recording(whole, tmp_path):
    path = tmp_path / "watch.rec"
    shutil.copy(whole[0], path)
    for arguments in (("report", path, "-o", path), ("report", path, "--json", path),
                      ("diff", whole[0], path, "-o", path)):
        finished = call(*arguments)
        assert finished.returncode == 1
        assert f"{path} is a recording" in finished.stderr
        assert path.read_bytes() == whole[0].read_bytes()


def test_a_higher_min_time_leaves_out_what_is_shorter(whole):
    path, live = whole
    durations = sorted(flush["duration_ns"] for flush in parse(live, "flush"))
    above = durations[1] + 1
    again, _ = replay(path, "--min-time", f"{above / 1000:.3f}us")
    assert [flush["duration_ns"] for flush in parse(again, "flush")] == [durations[2]]
    assert parse(again, "header")[0]["min_time_ns"] >= above - 1
    assert "were not recorded" in replay(path, "--min-time", "1us")[1].stderr


# ---- two of them ----

def test_a_slow_run_and_a_fast_one(tmp_path):
    """The case that started it all: 99,999 writes are free, the 100,000th is not."""
    paths = {}
    for name, writes in {"slow": 300_000, "fast": 99_999}.items():
        paths[name] = tmp_path / f"{name}.rec"
        finished = call("record", "-o", paths[name], "--", LAZYWRITE, "--writes", writes,
                        "--chunk", "4K")
        assert finished.returncode == 0, finished.stderr
    json_path = tmp_path / "diff.json"
    finished = call("diff", paths["slow"], paths["fast"], "--json", json_path)
    assert finished.returncode == 0 and finished.stderr == ""
    text = " ".join(finished.stdout.split())
    assert re.search(r"flush_accumulator stalls in SLOW alone: (once|\d+ times), ", text)
    (diff,) = memwatch.read_lines(json_path)
    assert diff["verdict"] == "stalls in slow alone"
    assert diff["culprit"] == "flush_accumulator"
    (culprit,) = [c for c in diff["culprits"] if c["culprit"] == "flush_accumulator"]
    assert culprit["slow"]["stalls"] >= 1 and culprit["fast"]["stalls"] == 0
    assert culprit["slow"]["copied_bytes"] > 0
    functions = {f["function"]: f for f in diff["call_tree"]}
    assert functions["lazy_write"]["slow_ns"] > 0 and functions["lazy_write"]["fast_ns"] == 0
    # The other way round, nothing is worse.
    turned = call("diff", paths["fast"], paths["slow"])
    assert "Nothing stalls longer in SLOW" in turned.stdout
    assert call("diff", paths["slow"], tmp_path / "none").returncode == 1
