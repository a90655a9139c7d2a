# SPDX-License-Identifier: GPL-2.0-only
"""funclatency_at.py FUNCLATENCY FILE OFFSET [OPTION ...]: bcc's funclatency, on an address.

It takes names alone, and memmove's name is not where memmove is. Everything else is its own: the
options, the BPF program, the uprobe and the uretprobe.
"""

import runpy
import sys

import bcc

script, file, offset, *options = sys.argv[1:]


def at_the_offset(attach):
    def attach_there(self, name=b"", sym_re=b"", fn_name=b"", pid=-1, **unused):
        # bcc wants an address, and glibc's text has the same as its offset.
        return attach(self, name=name, addr=int(offset, 16), fn_name=fn_name, pid=pid)
    return attach_there


bcc.BPF.attach_uprobe = at_the_offset(bcc.BPF.attach_uprobe)
bcc.BPF.attach_uretprobe = at_the_offset(bcc.BPF.attach_uretprobe)
bcc.BPF.num_open_uprobes = lambda self: 2
sys.argv = [script, *options, f"{file}:memmove"]
runpy.run_path(script, run_name="__main__")
