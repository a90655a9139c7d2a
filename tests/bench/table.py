# SPDX-License-Identifier: GPL-2.0-only
"""Tables of medians, with what they are held against."""

import statistics


def time_text(ns):
    if ns < 1e6:
        return f"{ns / 1e3:,.0f} us"
    return f"{ns / 1e6:,.1f} ms" if ns < 1e9 else f"{ns / 1e9:,.2f} s"


def ns_text(ns):
    """Also what is shorter than a microsecond."""
    return f"{ns:,.1f} ns" if ns < 1e4 else time_text(ns)


def mib(count):
    return f"{count / (1 << 20):,.1f}"


def spread(values):
    """The median and between what all lay, each as a person reads it."""
    least, most = time_text(min(values)), time_text(max(values))
    return time_text(statistics.median(values)), f"{least} .. {most}"


def ratio(values, control):
    return f"{statistics.median(values) / statistics.median(control):.2f}"


def ratio_text(value):
    """To three places where those can tell anything."""
    return f"{value:.3f}" if value < 10 else f"{value:,.0f}"


def ratio_cells(known):
    """A stats.Ratio: its median, where that lies with 95 % of certainty, and where all lay."""
    return [ratio_text(known.median), f"{ratio_text(known.low)} .. {ratio_text(known.high)}",
            f"{ratio_text(known.least)} .. {ratio_text(known.most)}"]


def verdict(value, limit):
    """ "" where nothing was promised."""
    if limit is None:
        return ""
    return "ok" if value < limit else "OVER"


def lines(heading, rows):
    """The first column stands to the left, all others to the right."""
    table = [heading, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(heading))]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def show(title, heading, rows):
    print(f"\n{title}\n")
    for line in lines(heading, rows):
        print(f"  {line}")
