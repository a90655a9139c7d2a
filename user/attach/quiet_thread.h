/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ATTACH_QUIET_THREAD_H
#define ATTACH_QUIET_THREAD_H

#include <pthread.h>

/*
 * A thread with a small stack that takes no signals: they are the main thread's, and one taken here
 * would never reach its signalfd. 0 or negative errno.
 */
int quiet_thread_start(pthread_t *thread, void *(*run)(void *), void *data);

#endif
