/* SPDX-License-Identifier: GPL-2.0-only */
/* The first byte of a case for fuzz_recording.c. */
#ifndef TESTS_RECORDING_CASE_H
#define TESTS_RECORDING_CASE_H

#define RECORDING_RESTAMP   1u
#define RECORDING_KEEP_HEAD 2u

#endif
