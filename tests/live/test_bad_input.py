# SPDX-License-Identifier: GPL-2.0-only
"""Bad input gets one line that says what to do, the right status, and nothing half-done."""

import ctypes
import errno
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time

import pytest

import memwatch

FAILURE, USAGE = 1, 2
INLINED = memwatch.TARGETS / "inlined"


def run_memwatch(*arguments, wrap=(), **settings):
    return subprocess.run([*map(str, wrap), str(memwatch.MEMWATCH), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          **settings)


def assert_refused(run, status, *words):
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("memwatch: ")
    for word in words:
        assert word in line
    assert run.returncode == status


@pytest.fixture
def folder():
    """Readable by everyone, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="memwatch-test-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


# ---- options ----

A_SIZE, A_TIME, PIDS = "a size such as", "a time with its unit", "a process id, or several"
A_SYMBOL = "SYM, LIB:SYM"
BAD_SIZES = ("-1", "12Q", "", "1e9", "99999999999999999999G", "K", "4 5", "0x")

WRONG = (
    [(["--min-bytes", text], "--min-bytes", A_SIZE)
     for text in BAD_SIZES]
    + [(["--gate", text], "--gate", A_SIZE) for text in (*BAD_SIZES, "automatic", "none", "2%")]
    + [(["--budget", text], "--budget", "or none")
       for text in ("", "two", "%", "0%", "-2%", "100.1%", "2%%", "2 %", "nan%", "inf%", "0x1%",
                    "1e1%", "auto", "None")]
    + [([option, text], option, A_TIME) for option in ("--min-time", "--duration")
       for text in ("-1", "5", "12Q", "", "1e9", "99999999999999999999s", "ms", "-5ms")]
    + [(["-p", text], f"'{text}'", PIDS) for text in ("0", "1,", "abc", "", "-5", "1,,2", "1 2")]
    + [(["--flush", text], "--flush", A_SYMBOL)
       for text in ("", "lib:", "0xzz", "lib.so:+", "lib.so:+zz", "+0x10")]
    + [
        (["--duration", "0"], "--duration", "above 0"),
        (["--duration", "18446744073s"], "--duration", "10 years"),
        (["-p", "5,5"], "'5,5'", "once"),
        (["--links", "x"], "--links", "auto, multi or plain"),
        (["--nonsense"], "'--nonsense'", "--help"),
        (["-x"], "'-x'", "--help"),
        (["--quiet=3"], "--quiet", "takes no value"),
        (["--min"], "'--min'", "--help"),  # --min-time or --min-bytes?
        (["--json", "a", "-o", "a"], "--json and -o", "its own"),
        (["--writes", "a", "--writes", "b"], "--writes 'b'", "given once"),
    ]
)


@pytest.mark.parametrize("options, name, advice", WRONG)
def test_wrong_option(options, name, advice, folder):
    run = run_memwatch(*options, "--", "touch", "marker", cwd=folder)
    assert_refused(run, USAGE, name, advice)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("options, budget_pct", [
    (["--gate", "auto"], 2), (["--budget", "2%"], 2), (["--budget", "0.05%"], 0.05),
    (["--budget", "100%"], 100), (["--budget", "none"], None),
    (["--gate", "auto", "--budget", "7.5%"], 7.5)])
def test_what_it_may_cost(options, budget_pct, folder):
    run = run_memwatch(*options, "--json", "json", "-o", "report", "--", "true", cwd=folder)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    header = json.loads((folder / "json").read_text().splitlines()[0])
    assert header.get("budget_pct") == budget_pct


@pytest.mark.parametrize("arguments, words", [
    (["--json"], ["--json needs a value", "--help"]),
    (["-p"], ["-p needs a value", "--help"]),
    (["--flush"], ["--flush needs a value", "--help"]),
    (["--"], ["no command after --", "--help"]),
    (["--", ""], ["name is empty", "--help"]),
    (["-p", "1", "--", "touch", "marker"], ["--pid and a command"]),
    (["-p", "1", "touch", "marker"], ["--pid and a command"]),
    (["--flush", "foo"], ["--flush 'foo'", "-- CMD", "--pid PID"]),
])
def test_wrong_command_line(arguments, words, folder):
    assert_refused(run_memwatch(*arguments, cwd=folder), USAGE, *words)
    assert os.listdir(folder) == []


# ---- processes ----

def ended_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def zombie():
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_no_such_process():
    pid = ended_pid()
    assert_refused(run_memwatch("-p", pid), FAILURE, f"process {pid} does not exist")


def test_one_of_several_does_not_exist(sleeper):
    pid = ended_pid()
    run = run_memwatch("-p", f"{sleeper},{pid}")
    assert_refused(run, FAILURE, f"process {pid} does not exist")


def test_process_has_ended(zombie):
    assert_refused(run_memwatch("-p", zombie), FAILURE, f"process {zombie}", "ended")


def test_kernel_thread():
    assert_refused(run_memwatch("-p", 2), FAILURE, "process 2", "kernel thread")


def test_thread_of_a_process():
    with subprocess.Popen([memwatch.TARGETS / "steady", "1"], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            process.stdout.readline()
            (tid,) = set(os.listdir(f"/proc/{process.pid}/task")) - {str(process.pid)}
            run = run_memwatch("-p", tid)
        finally:
            process.kill()
    assert_refused(run, FAILURE, f"process {tid} is a thread", "Tgid")


PAUSE_FOR_EVER = """
.globl _start
_start: mov $29, %eax
int $0x80
jmp _start
"""


@pytest.fixture
def program_32bit(folder):
    program = folder / "program32"
    subprocess.run(["as", "--32", "-o", f"{program}.o"], input=PAUSE_FOR_EVER, text=True,
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", program, f"{program}.o"], check=True)
    return program


def test_32bit_command(program_32bit):
    assert_refused(run_memwatch("--", program_32bit), FAILURE, str(program_32bit), "32-bit")


def test_32bit_process(program_32bit):
    with subprocess.Popen([program_32bit]) as process:
        try:
            time.sleep(0.1)
            assert process.poll() is None
            run = run_memwatch("-p", process.pid)
            assert process.poll() is None
        finally:
            process.kill()
    assert_refused(run, FAILURE, f"process {process.pid}", "32-bit")


# ---- commands ----

def make_file(folder, kind):
    path = folder / kind
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text({"text": "hello\n", "orphan": "#!/no/interpreter\n"}.get(kind, ""))
        path.chmod(0o644 if kind == "plain" else 0o755)
    return path


@pytest.mark.parametrize("kind, advice", [
    ("plain", "is not an executable file"),
    ("folder", "is not an executable file"),
    ("empty", "neither a program nor a script"),
    ("text", "neither a program nor a script"),
    ("orphan", "interpreter"),
])
def test_what_is_no_command(kind, advice, folder):
    path = make_file(folder, kind)
    assert_refused(run_memwatch("--", path), FAILURE, str(path), advice)


def test_no_such_command(folder):
    path = folder / "missing"
    assert_refused(run_memwatch("--", path), FAILURE, str(path), "No such file")
    assert_refused(run_memwatch("--", "no-such-command"), FAILURE, "no-such-command", "PATH")


@pytest.mark.parametrize("command, status", [
    (["false"], 1), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 128 + 9),
])
def test_command_that_fails_itself(command, status, folder):
    report = folder / "report"
    run = run_memwatch("-o", report, "--", *command)
    assert (run.returncode, run.stdout, run.stderr) == (status, "", "")
    assert "Watched for" in report.read_text()


# ---- outputs ----

@pytest.mark.parametrize("option", ["-o", "--json"])
@pytest.mark.parametrize("path", ["missing/file", "."])
def test_output_that_cannot_be_written(option, path, folder):
    run = run_memwatch(option, path, "--", "touch", "marker", cwd=folder)
    assert_refused(run, FAILURE, "can't write to", f"'{path}'", "name a file in a folder")
    assert os.listdir(folder) == []


# ---- names that never come ----

@pytest.mark.parametrize("option, name, advice", [
    ("--flush", "save_al", "closest: save_all"),
    ("--copy", "flush_inside", "the compiler inlined it into save_all"),
])
def test_name_that_never_comes(option, name, advice, folder):
    run = run_memwatch("-o", folder / "report", option, name, "--", INLINED)
    # It may come while the command runs, so that is not stopped.
    assert run.stdout == "ran\n"
    early, late = run.stderr.splitlines()
    assert f"no function '{name}' yet" in early and advice in early
    assert f"no function '{name}' came" in late and advice in late
    assert run.returncode == FAILURE


def test_name_that_never_comes_in_a_dry_run():
    run = run_memwatch("--dry-run", "--flush", "save_al", "--", INLINED)
    (line,) = run.stderr.splitlines()
    assert "no function 'save_al' came" in line and "save_all" in line
    assert run.returncode == FAILURE
    assert "ran" not in run.stdout.splitlines()


@pytest.mark.parametrize("option", ["-o", "--json"])
def test_pipe_that_nobody_reads(option, folder):
    os.mkfifo(folder / "pipe")
    run = run_memwatch(option, "pipe", "--", "touch", "marker", cwd=folder)
    assert_refused(run, FAILURE, "'pipe'", "nobody reads", "start its reader")
    assert not (folder / "marker").exists()


def test_pipe_whose_reader_comes_a_little_later(folder):
    os.mkfifo(folder / "pipe")
    with subprocess.Popen(["sh", "-c", "sleep 0.3; cat pipe"], cwd=folder, text=True,
                          stdout=subprocess.PIPE) as reader:
        run = run_memwatch("--json", "pipe", "-o", "report", "--", "true", cwd=folder)
        records = [json.loads(line) for line in reader.stdout]
    assert run.returncode == 0
    assert records[0]["type"] == "header" and records[-1]["type"] == "summary"


# ---- privileges and the kernel ----

ALL_NEEDED = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH",
              "CAP_CHECKPOINT_RESTORE"]


def readable_by_all(folder):
    """A copy of memwatch that nobody can run, wherever the project lies."""
    copy = folder / "memwatch"
    copy.write_bytes(memwatch.MEMWATCH.read_bytes())
    copy.chmod(0o755)
    return copy


def test_not_root(folder):
    (folder / "work").mkdir()
    (folder / "work").chmod(0o777)
    command = [readable_by_all(folder), "-o", "report", "--", "touch", "marker"]
    run = subprocess.run(command, cwd=folder / "work", user=65534, group=65534, extra_groups=[],
                         capture_output=True, text=True, timeout=30)
    assert_refused(run, FAILURE, "sudo", *ALL_NEEDED)
    assert os.listdir(folder / "work") == []


@pytest.mark.parametrize("dropped, missing", [
    (["sys_admin", "bpf"], ["CAP_BPF"]),
    (["sys_admin", "perfmon", "checkpoint_restore"], ["CAP_PERFMON", "CAP_CHECKPOINT_RESTORE"]),
    (["sys_ptrace"], ["CAP_SYS_PTRACE"]),
    (["dac_read_search"], ["CAP_DAC_READ_SEARCH"]),
])
def test_root_without_capabilities(dropped, missing, folder):
    wrap = ["setpriv", "--bounding-set=" + ",".join(f"-{name}" for name in dropped)]
    run = run_memwatch("-o", "report", "--", "touch", "marker", wrap=wrap, cwd=folder)
    assert_refused(run, FAILURE, "sudo", *missing)
    assert not any(name in run.stderr for name in set(ALL_NEEDED) - set(missing))
    assert os.listdir(folder) == []


def test_capabilities_without_sys_admin_are_enough(folder):
    wrap = ["setpriv", "--bounding-set=-sys_admin"]
    run = run_memwatch("-o", folder / "report", "--flush", "save_all", "--json",
                       folder / "json", "--", INLINED, wrap=wrap)
    assert (run.returncode, run.stdout, run.stderr) == (0, "ran\n", "")
    summary = json.loads((folder / "json").read_text().splitlines()[-1])
    (function,) = summary["functions"]
    assert (function["ended"], function["copied_bytes"]) == (1, 1000)


def test_kernel_without_btf(folder):
    (folder / "nothing").mkdir()
    (folder / "work").mkdir()
    # Of this mount alone: in a chroot "/" is no mount whose propagation could be changed.
    hide = ("mount --make-private /sys && "
            f"mount --bind {folder}/nothing /sys/kernel/btf && exec \"$@\"")
    run = run_memwatch("--", "touch", "marker", cwd=folder / "work",
                       wrap=["unshare", "-m", "--propagation", "unchanged", "sh", "-c", hide,
                             "sh"])
    assert_refused(run, FAILURE, "BTF", "CONFIG_DEBUG_INFO_BTF")
    assert os.listdir(folder / "work") == []


# System calls that containers and hardened kernels forbid, by their x86-64 numbers.
SYSCALLS = {"ptrace": 101, "perf_event_open": 298, "bpf": 321}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


def forbid(name):
    """What makes a system call fail with EPERM from then on: a seccomp filter."""
    load_number, allow = (0x20, 0, 0, 0), (0x06, 0, 0, 0x7fff0000)
    refuse = (0x06, 0, 0, 0x00050000 | errno.EPERM)
    code = [load_number, (0x15, 0, 1, SYSCALLS[name]), refuse, allow]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters)))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply():
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        apply.keep = filters
    return apply


@pytest.mark.parametrize("name, links", [("bpf", "auto"), ("ptrace", "auto"),
                                         ("perf_event_open", "plain")])
def test_forbidden_system_call(name, links, folder):
    run = run_memwatch(f"--links={links}", "--", "touch", "marker", cwd=folder,
                       preexec_fn=forbid(name))
    errors = [line for line in run.stderr.splitlines() if line.startswith("memwatch: ")]
    assert len(errors) == 1, run.stderr
    assert "not permitted" in errors[0] or "forbid" in errors[0]
    assert run.returncode == FAILURE
    assert os.listdir(folder) == []


# ---- outputs that are there already ----

def test_start_that_fails_leaves_old_files(folder):
    for name in ("old.txt", "old.json"):
        (folder / name).write_text("an earlier report\n" * 1000)
    options = ["-o", folder / "old.txt", "--json", folder / "old.json"]
    run = run_memwatch(*options, "--", "./no-such-command")
    assert_refused(run, FAILURE, "no-such-command")
    for name in ("old.txt", "old.json"):
        assert (folder / name).read_text() == "an earlier report\n" * 1000
    assert run_memwatch(*options, "--", "true").returncode == 0
    for name in ("old.txt", "old.json"):
        assert "earlier" not in (folder / name).read_text()


@pytest.mark.parametrize("report, records", [("./x", "x"), ("x", "hard"), ("soft", "x")])
def test_two_names_of_one_file(report, records, folder):
    (folder / "x").touch()
    os.link(folder / "x", folder / "hard")
    (folder / "soft").symlink_to("x")
    run = run_memwatch("-o", report, "--json", records, "--", "touch", "marker", cwd=folder)
    assert_refused(run, FAILURE, "same file", f"'{records}'", "its own")
    assert not (folder / "marker").exists()


AS_NOBODY = {"SUDO_UID": "65534", "SUDO_GID": "65534", "SUDO_USER": "nobody",
             "PATH": os.environ["PATH"]}


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
def test_standard_streams_under_sudo(path):
    run = run_memwatch("-o", path, "--json", "/dev/stderr", "--", "true", env=AS_NOBODY)
    assert run.returncode == 0
    assert "Watched for" in run.stdout
    assert [json.loads(line)["type"] for line in run.stderr.splitlines()][-1] == "summary"


def test_files_under_sudo_are_the_callers(folder):
    (folder / "roots").mkdir(mode=0o750)  # root's group is not the caller's
    run = run_memwatch("-o", folder / "roots" / "x", "--", "true", env=AS_NOBODY)
    assert_refused(run, FAILURE, "Permission denied")
    (folder / "roots").chmod(0o777)
    assert run_memwatch("-o", folder / "roots" / "x", "--", "true", env=AS_NOBODY).returncode == 0
    status = (folder / "roots" / "x").stat()
    assert (status.st_uid, status.st_gid) == (65534, 65534)
