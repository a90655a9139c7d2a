# SPDX-License-Identifier: GPL-2.0-only
# Two strings that grow in turn: perl growing.pl APPENDS. Each append that took long is printed.
use strict;
use warnings;

my $LONG_NS = 20_000_000;

# clock_gettime(CLOCK_MONOTONIC), with what is in perl-base.
sub now_ns {
    my $time = "\0" x 16;
    syscall(228, 1, $time);
    my ($seconds, $ns) = unpack("qq", $time);
    return $seconds * 1_000_000_000 + $ns;
}

my $piece = "x" x 100_000;
my @strings = ("", "");
for my $i (1 .. $ARGV[0]) {
    my $start_ns = now_ns();
    $strings[$i % 2] .= $piece;
    my $took_ns = now_ns() - $start_ns;
    print("{\"start_ns\":$start_ns,\"duration_ns\":$took_ns}\n") if $took_ns >= $LONG_NS;
}
