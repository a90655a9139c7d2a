/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that remove links, so that nothing waits for the kernel. A multi link takes 24 to 54 ms,
 * nearly all of it waiting for RCU: 16 of them took 870 ms from one thread and 64 ms from 16. Plain
 * links go one after the other whoever asks, 100 ms a point.
 */
#ifndef ATTACH_RETIRE_H
#define ATTACH_RETIRE_H

#include <stddef.h>

#include "attach/link.h"

struct retire_queue;

struct retire_queue *retire_queue_new(void);
/* Takes the link. Without memory to queue it, removes it at once. */
void retire_queue_add(struct retire_queue *queue, struct probe_link *link);
/*
 * Waits for at most wait_ms until all are gone. Gives how many links and points (as the kernel
 * removes them one by one) are not.
 */
size_t retire_queue_wait(struct retire_queue *queue, unsigned wait_ms);
/* Waits, then frees. NULL is fine. */
void retire_queue_free(struct retire_queue *queue);

#endif
