# SPDX-License-Identifier: GPL-2.0-only
"""Code that comes late, goes, and comes again somewhere else."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

import memwatch
import truth as truths

FUNCTION = "flush_accumulator"
WATCH = ["--flush", FUNCTION, "--min-time", "0"]
FLUSHES, LIMIT, CHUNK = 5, 1000, 3000
ROUNDS = 1000

HOST = f"""
import _ctypes, ctypes, json, mmap, os, shutil, signal, sys, time

PLUGIN = sys.argv[1]
FLUSHES, LIMIT, CHUNK = {FLUSHES}, {LIMIT}, {CHUNK}
CHUNK_TEXT = bytes(i % 251 for i in range(CHUNK))
MAP_FIXED_NOREPLACE = 0x100000
flushed = 0

def wait_until_watched():
    time.sleep(0.5)

def typed(library):
    library.lazy_new.restype = ctypes.c_void_p
    library.lazy_new.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p]
    library.lazy_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.lazy_free.argtypes = [ctypes.c_void_p]
    library.lazy_getvalue.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)]
    library.lazy_getvalue.restype = ctypes.c_void_p
    return library

def load():
    return typed(ctypes.CDLL(PLUGIN))

def load_with_own_libc():
    libc = ctypes.CDLL(None)
    libc.dlmopen.restype = ctypes.c_void_p
    libc.dlmopen.argtypes = [ctypes.c_long, ctypes.c_char_p, ctypes.c_int]
    handle = libc.dlmopen(-1, PLUGIN.encode(), os.RTLD_NOW)
    assert handle
    return typed(ctypes.CDLL(PLUGIN, handle=handle))

def unload(library):
    _ctypes.dlclose(library._handle)

def use(library, flushes=FLUSHES):
    global flushed
    buffer = library.lazy_new(0, LIMIT, None)
    for _ in range(flushes * LIMIT):
        library.lazy_write(buffer, CHUNK_TEXT, CHUNK)
    flushed += flushes
    size = ctypes.c_size_t()
    value = library.lazy_getvalue(buffer, ctypes.byref(size))
    assert ctypes.string_at(value, size.value) == flushes * LIMIT * CHUNK_TEXT
    library.lazy_free(buffer)

def places():
    with open("/proc/self/maps") as maps:
        return [[int(end, 16) for end in line.split()[0].split("-")]
                for line in maps if line.rstrip().endswith(PLUGIN)]

def occupy(start, end):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    assert libc.mmap(start, end - start, mmap.PROT_READ,
                     mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == start

def main():
    if "--wait" in sys.argv:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        print("ready", flush=True)
        signal.sigwait([signal.SIGUSR1])
    work()
    print(json.dumps(flushed))
"""

TWICE = """
def change_file():
    pass

def work():
    plugin = load()
    wait_until_watched()
    use(plugin)
    first = places()
    unload(plugin)
    assert not places()
    wait_until_watched()
    for start, end in first:
        occupy(start, end)
    change_file()
    plugin = load()
    assert places() and places() != first
    wait_until_watched()
    use(plugin)
"""

BY_ANOTHER_FILE = TWICE + """
def change_file():
    os.rename(PLUGIN + ".new", PLUGIN)
"""

IN_PLACE = TWICE + """
def change_file():
    shutil.copyfile(PLUGIN + ".new", PLUGIN)
"""

TWO_NAMESPACES = """
def work():
    plugins = [load(), load_with_own_libc()]
    wait_until_watched()
    for plugin in plugins:
        use(plugin)
"""

THOUSAND_TIMES = """
def work():
    for _ in range(1000):
        plugin = load()
        use(plugin, 1)
        unload(plugin)
        if "--slow" in sys.argv:
            time.sleep(0.01)
    wait_until_watched()
"""


def build(path, *flags):
    sources = [memwatch.ROOT / "workloads" / f"{name}.c" for name in ("lazybuf", "truth")]
    subprocess.run(["gcc", "-shared", "-fPIC", *flags, "-o", path, *sources], check=True)


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "plugin.so"
    build(path, "-O2")
    # Other code at other places: nothing that was planned for the first is right for it.
    build(f"{path}.new", "-O0", "-fcf-protection=none")
    return path


def command(plugin, script, *options):
    program = plugin.with_name("host.py")
    program.write_text(HOST + script + "\nmain()\n")
    return [sys.executable, program, plugin, *options]


def launch(plugin, script):
    run = memwatch.run(*WATCH, "--", *command(plugin, script))
    return run, json.loads(run.stdout)


def attach(plugin, script):
    with subprocess.Popen([*map(str, command(plugin, script, "--wait"))], stdout=subprocess.PIPE,
                          text=True) as host:
        try:
            assert host.stdout.readline() == "ready\n"
            with memwatch.Watch("--pid", host.pid, *WATCH) as watch:
                watch.wait_for("child", pid=host.pid, watched=True)
                host.send_signal(signal.SIGUSR1)
                flushed = json.loads(host.communicate(timeout=memwatch.DEADLINE_S)[0])
                run = watch.finish()
            assert host.returncode == 0
        finally:
            host.kill()
    return run, flushed


@pytest.mark.parametrize("start", [launch, attach])
@pytest.mark.parametrize("script", [TWICE, BY_ANOTHER_FILE, IN_PLACE, TWO_NAMESPACES],
                         ids=["again", "another-file", "in-place", "dlmopen"])
def test_plugin(plugin, start, script):
    run, flushed = start(plugin, script)
    assert run.status == 0, run.stderr
    assert "warning" not in run.stderr
    assert flushed == 2 * FLUSHES
    assert {flush["module"] for flush in run.of("flush")} == {"plugin.so"}
    assert [(flush["copies"], flush["copied_bytes"]) for flush in run.of("flush")] == \
        flushed * [(LIMIT, LIMIT * CHUNK)]
    assert run.function(FUNCTION)["calls"] == flushed
    truths.check_nothing_lost(run)


class Kept:
    """How much a memwatch holds, at its most."""

    def __init__(self, pid):
        self.pid, self.descriptors, self.resident_kb = pid, 0, 0

    def look(self):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.descriptors = max(self.descriptors, len(os.listdir(f"/proc/{self.pid}/fd")))
            with open(f"/proc/{self.pid}/status") as status:
                (line,) = [line for line in status if line.startswith("RssAnon")]
            self.resident_kb = max(self.resident_kb, int(line.split()[1]))


@pytest.mark.parametrize("options", [[], ["--slow"]], ids=["", "slowly"])
def test_plugin_that_comes_and_goes_a_thousand_times(plugin, options):
    # Nobody reads the report's pipe meanwhile.
    with memwatch.Watch(*WATCH, "-o", os.devnull, "--",
                        *command(plugin, THOUSAND_TIMES, *options)) as watch:
        kept = Kept(watch.process.pid)
        while watch.process.poll() is None:
            kept.look()
            with contextlib.suppress(subprocess.TimeoutExpired):
                watch.process.wait(0.05)
        run = watch.finish()
    assert run.status == 0, run.stderr
    assert "warning" not in run.stderr
    assert json.loads(run.stdout) == ROUNDS
    for flush in run.of("flush"):
        assert (flush["copies"], flush["copied_bytes"]) == (LIMIT, LIMIT * CHUNK)
    assert run.summary["lost_events"] == 0
    # A leak would keep some of each round; links that are being removed, 50 ms each, count, too.
    assert kept.descriptors < ROUNDS / 3
    assert kept.resident_kb < 32 << 10
    assert len(run.of("flush")) > 100
