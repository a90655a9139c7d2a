# SPDX-License-Identifier: GPL-2.0-only
"""A launched command runs as it would without memwatch, from its first instruction on."""

import functools
import resource
import signal
import subprocess
import sys

import memwatch
import pytest

EARLY = memwatch.TARGETS / "early"


def watch_early(how):
    run = memwatch.run("--min-time", "0ns", "--flush", "work", "--", EARLY, how)
    assert run.status == 0, run.stderr
    return run


def test_exec_before_the_entry_point():
    run = watch_early("exec")
    assert run.stdout == "executed\n"
    assert run.function("work")["calls"] == 1


@pytest.mark.parametrize("how", ["fork", "clone", "vfork"])
def test_child_before_the_entry_point(how):
    """It must not meet memwatch's breakpoint."""
    assert watch_early(how).stdout == f"{how}\n{how}\n"


@pytest.mark.parametrize("how", ["vm", "thread"])
def test_shared_memory_before_the_entry_point(how):
    """Nor must what is made take the breakpoint away: the program is held in time."""
    run = watch_early(how)
    assert run.stdout == f"{how}\n"
    assert run.function("work")["calls"] == 1


# ---- what memwatch itself inherited ----

def launch(script, preexec=None, wrap=(), **settings):
    """What the command, a Python program, prints."""
    command = [*wrap, memwatch.MEMWATCH, "-q", "--", sys.executable, "-c", script]
    run = subprocess.run(command, preexec_fn=preexec, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=30, **settings)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_parent_that_ignores_its_children():
    script = "import signal; print(signal.getsignal(signal.SIGCHLD).name)"
    ignore = functools.partial(signal.signal, signal.SIGCHLD, signal.SIG_IGN)
    assert launch(script, ignore) == "SIG_IGN"
    assert launch(script) == "SIG_DFL"


def test_signal_mask():
    script = ("import signal\n"
              "print(*sorted(s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])))")
    block = functools.partial(signal.pthread_sigmask, signal.SIG_BLOCK,
                              [signal.SIGUSR1, signal.SIGCHLD])
    assert launch(script, block) == "SIGCHLD SIGUSR1"
    assert launch(script) == ""


def test_limit_of_open_files():
    script = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (300, 3000))
    assert launch(script, limit) == "300 3000"


def test_ambient_capabilities():
    script = ("print([line.split()[1] for line in open('/proc/self/status')"
              " if line.startswith('CapAmb')])")
    wrap = ["setpriv", "--inh-caps=+net_admin", "--ambient-caps=+net_admin"]
    assert launch(script, wrap=wrap) == "['0000000000000000']"


def test_empty_folder_of_path_is_the_current_one(tmp_path):
    (tmp_path / "here").symlink_to(EARLY.resolve())
    for path in (":/usr/bin", "/usr/bin:", "/usr/bin::/bin", ""):
        run = subprocess.run([memwatch.MEMWATCH, "-q", "--", "here"], cwd=tmp_path,
                             env={"PATH": path}, capture_output=True, text=True, timeout=30)
        assert (run.returncode, run.stdout) == (0, "nothing\n"), run.stderr
