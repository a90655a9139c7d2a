/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ATTACH_CALIBRATE_CLOCK_H
#define ATTACH_CALIBRATE_CLOCK_H

#include <bpf/libbpf.h>
#include <stdint.h>

/*
 * What a tick of the sampler's clock takes from a thread that copies, in ns of its CPU time, and
 * does not find it in a copy, as most do: measured on this thread, in some 50 ms. copy_code_map_fd:
 * where the program looks who is sampled. 0: it can't be measured.
 */
uint64_t calibrate_clock_ns(const struct bpf_program *program, int copy_code_map_fd);

#endif
