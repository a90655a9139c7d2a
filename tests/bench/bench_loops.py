# SPDX-License-Identifier: GPL-2.0-only
"""Loops of copies, of one size each and of a realistic mix."""

import attach
import sidebyside

COPIES = attach.BUILD / "bench" / "copies"
KIB, MIB = 1 << 10, 1 << 20
LARGE = ("large", "100")
# memwatch's starting credit, 200 ms, is spent within that by copies that all pass its gate.
CREDIT_S = 0.6
# After 100 ms of many switches the sampler's clock is the CPUs'.
SWITCHES_S = 0.4


def loop(title, size, *more, **settings):
    """A loop of one kind of copies."""
    return sidebyside.Case(title, (COPIES, str(size), *more), ("for", "1"), **settings)


CASES = (
    loop("No copies at all: the sampler alone", "none", limit=1.01),
    loop("No copies, and two threads that wake each other", "switch", settle_s=SWITCHES_S,
         case_s=8),
    loop("Copies of 64 B, and one of 1 MiB each 100 ms", 64, *LARGE, limit=1.02),
    loop("Copies of 256 B, and one of 1 MiB each 100 ms", 256, *LARGE, limit=1.02),
    loop("Copies of 4 KiB", 4 * KIB, settle_s=CREDIT_S, case_s=8),
    loop("Copies of 16 KiB", 16 * KIB, settle_s=CREDIT_S, case_s=8),
    loop("Copies of 1 MiB", MIB, case_s=8),
    loop("Copies of 256 MiB", 256 * MIB, case_s=8),
    loop("A realistic mix of copies", "mix", settle_s=3 * CREDIT_S, limit=1.02),
)


def run():
    return sidebyside.run(CASES)
