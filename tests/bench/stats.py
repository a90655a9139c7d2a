# SPDX-License-Identifier: GPL-2.0-only
"""Ratios of interleaved measurements, and how well they are known."""

import math
import statistics
from typing import NamedTuple

# Below so many rounds no interval of ranks holds the median with 95 % of certainty.
LEAST_ROUNDS = 6


class Slice(NamedTuple):
    """A stretch of a target's own run: the time that it took, and the copies (or flushes) in it."""
    start_ns: int
    end_ns: int
    cpu_ns: int
    copies: int


class Ratio(NamedTuple):
    median: float
    low: float   # between these two the median lies with 95 % of certainty
    high: float
    least: float  # of all rounds
    most: float
    rounds: int

    @property
    def spread(self):
        """Half of the interval, as a part of the median."""
        return (self.high - self.low) / 2 / self.median


def within(slices, first_ns, last_ns):
    """Those that lie in this stretch of time as a whole."""
    return [piece for piece in slices if piece.start_ns >= first_ns and piece.end_ns <= last_ns]


def cpu_ns_per_copy(slices):
    """What the thread ran: not what others on the machine took from it."""
    return sum(piece.cpu_ns for piece in slices) / sum(piece.copies for piece in slices)


def wall_ns_per_copy(slices):
    return (sum(piece.end_ns - piece.start_ns for piece in slices) /
            sum(piece.copies for piece in slices))


def paired(before, measured, after):
    """Against what was untraced just before and just after it: a drift of the machine cancels."""
    return measured / ((before + after) / 2)


def add_round(taken, before, measured, after):
    """A round's slices to what a tool's rounds gave: ns, ratios, wall_ratios."""
    taken.ns.append(cpu_ns_per_copy(measured))
    for ratios, per_copy in ((taken.ratios, cpu_ns_per_copy),
                             (taken.wall_ratios, wall_ns_per_copy)):
        ratios.append(paired(*map(per_copy, (before, measured, after))))


def median_ranks(count):
    """Between which of that many sorted values the median lies with at least 95 % of certainty.

    Each value is as likely above the median as below it, whatever their distribution: how many lie
    below is binomial. Where there are too few, the first and the last.
    """
    below, chance = 0, 0.0
    for rank in range(count // 2):
        chance += math.comb(count, rank) / 2 ** count
        if chance > 0.025:
            break
        below = rank
    return below, count - 1 - below


def ratio_of(values):
    ordered = sorted(values)
    low, high = median_ranks(len(ordered))
    return Ratio(statistics.median(ordered), ordered[low], ordered[high], ordered[0], ordered[-1],
                 len(ordered))


def order(tools, count):
    """The tools in the order of a round: none follows the same one each time, all come as often
    at each place."""
    first = count % len(tools)
    turned = tools[first:] + tools[:first]
    return turned if count // len(tools) % 2 == 0 else turned[::-1]


def is_tight(values, spread):
    """Whether the rounds so far tell the median to within this part of it."""
    return len(values) >= LEAST_ROUNDS and ratio_of(values).spread <= spread
