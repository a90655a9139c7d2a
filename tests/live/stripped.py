# SPDX-License-Identifier: GPL-2.0-only
"""Programs without their names, and files that have these."""

import pathlib
import re
import shutil
import subprocess

import memwatch

LAZYWRITE = memwatch.WORKLOADS / "lazywrite"


def tool(*command, **settings):
    return subprocess.run([*map(str, command)], check=True, text=True, capture_output=True,
                          timeout=60, **settings).stdout


class Stripped:
    """A program without its names, and the debug file that has them."""

    def __init__(self, folder, program=LAZYWRITE, build_id=True):
        self.folder = folder
        self.whole = folder / "whole"
        self.path = folder / "app"
        self.debug = folder / "kept.debug"
        shutil.copy(program, self.whole)
        if not build_id:
            tool("objcopy", "--remove-section", ".note.gnu.build-id", self.whole)
        tool("objcopy", "--only-keep-debug", self.whole, self.debug)
        tool("strip", "-o", self.path, self.whole)
        assert "flush" not in tool("nm", "-D", self.path)

    def add_link(self):
        """Gives the name that the link has."""
        tool("objcopy", f"--add-gnu-debuglink={self.debug}", self.path)
        return self.debug.name

    def build_id(self):
        return re.search(r"Build ID: ([0-9a-f]+)", tool("readelf", "-n", self.path))[1]

    def build_id_path(self):
        build_id = self.build_id()
        return pathlib.Path(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug")

    def add_mini_debuginfo(self):
        """As rpm's find-debuginfo does it: the functions that .dynsym does not have."""
        functions = [line.split()[0] for line in tool("nm", "--format=posix", "--defined-only",
                                                      self.debug).splitlines()
                     if line.split()[1] in "Tt"]
        (self.folder / "keep").write_text("\n".join(functions) + "\n")
        mini = self.folder / "mini"
        tool("objcopy", "-S", "--remove-section", ".comment",
             f"--keep-symbols={self.folder / 'keep'}", self.debug, mini)
        tool("xz", "--force", mini)
        tool("objcopy", "--add-section", f".gnu_debugdata={mini}.xz", self.path)
