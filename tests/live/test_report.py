# SPDX-License-Identifier: GPL-2.0-only
"""What memwatch prints and writes, where, as whom, and how it ends."""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import memwatch
import probes
import pytest

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"
COMMAND = ["--", LAZYWRITE, "--writes", 300_000]
FLUSH = ["--flush", "flush_accumulator"]
OPTIONS = FLUSH + ["--writes", "lazy_write"]
ESCAPE = "\x1b"


def plain(*arguments, **settings):
    """memwatch and nothing else: no JSON unless it is asked for."""
    return subprocess.run([memwatch.MEMWATCH, *memwatch.with_every_copy(arguments)],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=memwatch.DEADLINE_S, **settings)


def check_text(text):
    assert ESCAPE not in text and "\r" not in text
    # memwatch's own lines, with the paths of debug files under -v, are as long as they are.
    report = [line for line in text.splitlines() if not line.startswith("memwatch: ")]
    assert max(map(len, report)) <= 80


# ---- the text ----

def test_the_report_of_a_command():
    finished = plain(*OPTIONS, *COMMAND)
    assert finished.returncode == 0
    check_text(finished.stderr)
    unwrapped = " ".join(finished.stderr.split())
    assert re.search(r"1 in 100,000 calls of lazy_write stalls: flush_accumulator typically "
                     r"copied 97\.7 MiB in [\d.]+ m?s, (about [\d.]+ m?s|most) of it memwatch's own "
                     r"cost; a typical other call", unwrapped)
    rows = re.findall(r"97\.7 MiB +100,000 .* ([123]00,000)  flush_accumulator$",
                      finished.stderr, re.MULTILINE)
    assert rows == ["100,000", "200,000", "300,000"]
    # The command's own words, and nothing else.
    (line,) = finished.stdout.splitlines()
    assert line.startswith("300000 writes of 1024 bytes in ")


def test_a_function_that_nobody_called_is_named():
    run = memwatch.run(*FLUSH, "--flush", "lazy_write", "--", LAZYWRITE, "--mode", "eager",
                       "--writes", 1000)
    assert run.summary["uncalled"] == ["flush_accumulator in lazywrite"]
    assert "\nflush_accumulator in lazywrite: not called while it was watched.\n" in run.stderr
    assert [line["function"] for line in run.summary["functions"]] == ["lazy_write"]


def test_without_a_function_there_is_a_table_of_sizes():
    finished = plain("--no-sample", "--", LAZYWRITE, "--mode", "eager", "--writes", 1000)
    assert finished.returncode == 0
    check_text(finished.stderr)
    assert "No watched call" not in finished.stderr and "FUNCTION" not in finished.stderr
    assert re.search(r"^ +1,000  1000 KiB  1\.00 KiB to under 2\.00 KiB$", finished.stderr,
                     re.MULTILINE)
    assert "name it with --flush" in " ".join(finished.stderr.split())


@pytest.mark.parametrize("name", ["x" * 200, "a b\nc\x1b[31m"], ids=["long", "escapes"])
def test_a_name_cannot_break_the_report(tmp_path, name):
    program = tmp_path / name
    shutil.copy(LAZYWRITE, program)
    finished = plain(*OPTIONS, "-v", "--", program, "--writes", 200_000)
    assert finished.returncode == 0 and "1 in 100,000 calls" in finished.stderr
    check_text(finished.stderr)


def test_the_report_of_an_attach_is_on_stdout():
    with memwatch.Waiting(LAZYWRITE, "--writes", 300_000) as target, \
         memwatch.Watch("--pid", target.pid, *OPTIONS) as watch:
        watch.wait_for("child", event="attach")
        target.go()
        run = watch.finish()
    assert "1 in 100,000 calls of lazy_write stalls:" in " ".join(run.stdout.split())
    assert f"watching process {target.pid}" in run.stdout
    check_text(run.stdout)


def test_quiet_is_the_summary_alone():
    finished = plain("-q", *OPTIONS, *COMMAND)
    assert finished.returncode == 0
    assert "watching" not in finished.stderr and "TOOK" not in finished.stderr
    assert "CALLS" in finished.stderr and "1 in 100,000 calls" in finished.stderr
    check_text(finished.stderr)


def test_output_goes_to_a_file(tmp_path):
    finished = plain(*OPTIONS, "-o", tmp_path / "report", *COMMAND)
    assert finished.returncode == 0 and finished.stderr == ""
    text = (tmp_path / "report").read_text()
    assert "1 in 100,000 calls of lazy_write stalls:" in " ".join(text.split())
    check_text(text)


# ---- JSON Lines ----

def check_json(lines):
    records = [json.loads(line) for line in lines]
    assert all(next(iter(record)) == "type" for record in records)
    kinds = [record["type"] for record in records]
    assert kinds[0] == "header" and records[0]["schema"] == 1
    assert kinds[-1] == "summary"
    assert kinds.count("header") == kinds.count("summary") == 1
    assert set(kinds) <= {"header", "child", "flush", "copy", "stall", "finding", "summary"}
    return records


def test_json_lines(tmp_path):
    finished = plain(*OPTIONS, "--json", tmp_path / "records", *COMMAND)
    assert finished.returncode == 0
    records = check_json((tmp_path / "records").read_text().splitlines())
    assert records[0]["command"] == f"{LAZYWRITE} --writes 300000"
    assert [r["write_index"] for r in records if r["type"] == "flush"] == [100_000, 200_000,
                                                                            300_000]
    (finding,) = [record for record in records if record["type"] == "finding"]
    assert (finding["culprit"], finding["lazy_caller"]) == ("flush_accumulator", "lazy_write")
    assert (finding["period_writes"], finding["flushes"]) == (100_000, 3)


def test_json_on_stdout():
    # The command's own line goes elsewhere.
    finished = plain(*OPTIONS, "--json", "-", "--", "/bin/sh", "-c",
                     f"{LAZYWRITE} --pause 300ms --writes 300000 >/dev/null")
    assert finished.returncode == 0
    check_json(finished.stdout.splitlines())
    assert "CALLS" in finished.stderr


def test_json_of_an_attach_on_stdout():
    with memwatch.Waiting(LAZYWRITE) as target:
        finished = plain(*OPTIONS, "--json", "-", "--duration", "200ms", "--pid", target.pid)
    assert finished.returncode == 0
    check_json(finished.stdout.splitlines())
    assert "Watched for" in finished.stderr


# ---- --dry-run ----

def test_dry_run_runs_no_command(tmp_path):
    finished = plain("--dry-run", *OPTIONS, "--", LAZYWRITE, "--truth", tmp_path / "truth")
    assert finished.returncode == 0 and not (tmp_path / "truth").exists()
    found = {(os.path.basename(probe.path), probe.what) for probe in probes.parse(finished.stdout)}
    assert found >= {("lazywrite", "entry"), ("lazywrite", "end"), ("lazywrite", "write"),
                     ("libc.so.6", "copy")}
    assert "writes of" not in finished.stdout


def test_dry_run_sets_no_probe():
    command = [memwatch.MEMWATCH, "--dry-run", *OPTIONS, "--pid"]
    with memwatch.Waiting(LAZYWRITE, "--writes", 100_000) as target:
        plan = probes.planned("--pid", target.pid, *OPTIONS)
        original = probes.file_bytes(plan)
        looks = 0
        with probes.Places(target.pid, plan) as places:
            # One may be over before a busy machine lets this look.
            while looks < 20:
                with subprocess.Popen([*command, str(target.pid)],
                                      stdout=subprocess.DEVNULL) as dry:
                    while dry.poll() is None:
                        assert places.bytes() == original
                        looks += 1
                assert dry.returncode == 0 and places.bytes() == original
        target.go()
        assert target.finish()[0] == 0


def test_dry_run_tells_what_each_hit_costs():
    plan = plain("--dry-run", *OPTIONS, "--", LAZYWRITE).stdout
    points = [line for line in plan.splitlines() if "emulated" in line or "stepped:" in line]
    assert points and all(re.search(r"; about [\d.,]+ [mun]s a hit$", line) for line in points), plan


def test_verbose_watch_tells_what_each_hit_costs_here():
    """Before they are measured, costs are those of a typical machine: of the tracer's source."""
    source = (memwatch.ROOT / "user/attach/tracer.c").read_text()
    typical = re.search(r"\.cheap_ns = (\d+), \.stepped_ns = (\d+)", source)
    plan = plain("-v", *OPTIONS, *COMMAND).stderr
    told = {cost: [float(figure) * (1 if unit == "ns" else 1000) for figure, unit in re.findall(
        rf"{cost}.*; about ([\d.]+) (ns|us) a hit", plan)] for cost in ("emulated", "stepped")}
    assert all(told.values()), plan
    assert told["emulated"][0] != int(typical[1]) or told["stepped"][0] != int(typical[2])


def test_dry_run_plans_where_the_kernel_takes_no_probe():
    """Without the description of its types it loads no program."""
    hide = "mount --bind /dev/null /sys/kernel/btf/vmlinux && exec \"$@\""
    finished = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", memwatch.MEMWATCH, "--dry-run", *OPTIONS,
         "--", LAZYWRITE], capture_output=True, text=True, timeout=memwatch.DEADLINE_S)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert {probe.what for probe in probes.parse(finished.stdout)} >= {"copy", "entry", "end"}
    assert "emulated" in finished.stdout and "a hit" not in finished.stdout


# ---- how it ends ----

@pytest.mark.parametrize("script, status", [
    ("exit 0", 0),
    ("exit 7", 7),
    ("kill -TERM $$", 128 + signal.SIGTERM),
    ("kill -KILL $$", 128 + signal.SIGKILL),
    ("kill -SEGV $$", 128 + signal.SIGSEGV),
])
def test_the_status_is_the_commands(script, status):
    finished = plain("--", "/bin/sh", "-c", f"echo out; echo err >&2; {script}")
    assert finished.returncode == status
    assert finished.stdout == "out\n"
    assert "err\n" in finished.stderr
    check_text(finished.stderr)


def test_stdin_reaches_the_command():
    finished = subprocess.run([memwatch.MEMWATCH, "--", "/bin/cat"], input="some\0bytes\n",
                              capture_output=True, text=True, timeout=memwatch.DEADLINE_S)
    assert (finished.returncode, finished.stdout) == (0, "some\0bytes\n")


# ---- under sudo ----

WHO = """
import json, os
print(json.dumps({"uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
                  "env": {k: v for k, v in os.environ.items()}}))
"""


@pytest.fixture
def nobody():
    return pwd.getpwnam("nobody")


@pytest.fixture
def sudo_env(nobody):
    return {"PATH": os.environ["PATH"], "HOME": "/root", "USER": "root", "SHELL": "/bin/bash",
            "LOGNAME": "root", "SUDO_UID": str(nobody.pw_uid), "SUDO_GID": str(nobody.pw_gid),
            "SUDO_USER": nobody.pw_name, "SUDO_COMMAND": "memwatch", "KEPT": "as it was"}


@pytest.fixture
def folder_of_nobody(nobody):
    # pytest's own folders are root's alone.
    with tempfile.TemporaryDirectory(prefix="memwatch-nobody-") as folder:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        yield pathlib.Path(folder)


def test_under_sudo_the_command_is_the_callers(nobody, sudo_env):
    finished = plain("--", "/usr/bin/python3", "-c", WHO, env=sudo_env)
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)
    assert seen["uids"] == [nobody.pw_uid] * 3 and seen["gids"] == [nobody.pw_gid] * 3
    assert sorted(seen["groups"]) == sorted(os.getgrouplist("nobody", nobody.pw_gid))
    expected = {"HOME": nobody.pw_dir, "USER": "nobody", "LOGNAME": "nobody",
                "SHELL": nobody.pw_shell, "KEPT": "as it was"}
    assert {name: seen["env"].get(name) for name in expected} == expected
    assert not [name for name in seen["env"] if name.startswith("SUDO_")]
    assert "(as user nobody)" in " ".join(finished.stderr.split())


def test_under_sudo_the_files_are_the_callers(nobody, sudo_env, folder_of_nobody):
    report, records = folder_of_nobody / "report", folder_of_nobody / "records"
    finished = plain("-o", report, "--json", records, "--", "/bin/true", env=sudo_env)
    assert finished.returncode == 0, finished.stderr
    for path in (report, records):
        assert path.stat().st_size
        assert (path.stat().st_uid, path.stat().st_gid) == (nobody.pw_uid, nobody.pw_gid)


def test_under_sudo_no_file_of_root_is_written(sudo_env, tmp_path):
    os.chmod(tmp_path, 0o700)
    finished = plain("-o", tmp_path / "report", "--", "/bin/true", env=sudo_env)
    assert finished.returncode == 1 and "can't write to" in finished.stderr
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("writes", ["put", "tick"])
def test_only_who_flushes_is_blamed(writes):
    """tick() is called as often as put(), which flushes; it is no cause of that."""
    run = memwatch.run("--flush", "flush", "--writes", writes, "--min-time", "0", "--",
                       memwatch.TARGETS / "beside")
    assert run.status == 0, run.stderr
    (finding,) = run.of("finding")
    assert (finding["culprit"], finding["flushes"]) == ("flush", 5)
    assert finding.get("lazy_caller") == ("put" if writes == "put" else None)
    assert ("1 in 1,000 calls of put stalls" in run.stderr) == (writes == "put")
    assert ("calls of tick stalls" in run.stderr) is False


def test_what_a_short_program_was_not_counted_for_is_said():
    """Each time, also where it ends as soon as its probes are live."""
    for _ in range(12):
        run = memwatch.run("--gate", "auto", "--", memwatch.VARIANTS / "lazywrite-static",
                           "--writes", 1)
        assert run.status == 0, run.stderr
        assert re.search(r"^Copies under .* are not (all )?counted", run.stderr, re.MULTILINE)
        assert run.summary["gate_bytes"] > 0
