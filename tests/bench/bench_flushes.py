# SPDX-License-Identifier: GPL-2.0-only
"""Programs that flush what they wrote lazily: what their flushes take, from the third on."""

import pathlib

import attach
import sidebyside

LAZY = attach.BUILD / "bench" / "lazy"
STRINGIO = pathlib.Path(__file__).parent / "targets" / "stringio.py"
# Whatever was freed stays: a flush then costs its copies, and not its first touch of fresh pages,
# which takes ten times as long and varies as much.
WARM = {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=68719476736:"
                          "glibc.malloc.mmap_threshold=68719476736"}
# Under a peer, a flush of 100,000 copies takes 2 s: few of them.
ALONE = ("3",)


# Until memwatch's starting credit, 200 ms, is spent: of what the flushes cost from then on.
CREDIT_S = 0.4


def flushing(title, command, flush, flush_bytes, settle_s=CREDIT_S, case_s=15):
    return sidebyside.Case(title, command, ALONE, kind="flush", count=3, limit=1.03,
                           settle_s=settle_s, arguments=("--flush", flush),
                           flush_bytes=flush_bytes, environment=WARM, case_s=case_s)


def lazywrite(chunk_kib, limit, **more):
    return flushing(f"lazywrite, flushes of {limit:,} x {chunk_kib} KiB",
                    (LAZY, str(chunk_kib << 10), str(limit)), "flush_accumulator",
                    (chunk_kib << 10) * limit, **more)


CASES = (
    # Flushes of 5 ms, which the memory's other users move by 3 % from one round to the next.
    lazywrite(1, 100_000, case_s=60),
    lazywrite(4, 100_000),
    # 320 MB: as large a flush as that of 4 KiB.
    lazywrite(16, 20_000, settle_s=3 * CREDIT_S),
    flushing("python3, StringIO, flushes of 100,000 x 10 kB", (attach.PYTHON, STRINGIO),
             "PyUnicode_Join", 1_000_000_000),
)


def run():
    return sidebyside.run(CASES)
