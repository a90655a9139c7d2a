// SPDX-License-Identifier: GPL-2.0-only
#include "attach/retire.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "attach/quiet_thread.h"
#include "base/array.h"

#define RETIRE_THREADS 64

struct retire_queue {
	pthread_t threads[RETIRE_THREADS];
	size_t thread_count;
	size_t idle;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	ARRAY(struct probe_link *) links;
	size_t parts;
	bool ending;
};

static void *retire_run(void *data)
{
	struct retire_queue *queue = data;
	struct probe_link *link;
	size_t parts;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		queue->idle++;
		while (!queue->links.count && !queue->ending)
			pthread_cond_wait(&queue->changed, &queue->lock);
		queue->idle--;
		if (!queue->links.count)
			break;
		link = queue->links.items[--queue->links.count];
		pthread_mutex_unlock(&queue->lock);
		parts = link_parts(link);
		link_destroy(link);
		pthread_mutex_lock(&queue->lock);
		queue->parts -= parts;
		pthread_cond_broadcast(&queue->changed);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

struct retire_queue *retire_queue_new(void)
{
	struct retire_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->changed, NULL);
	return queue;
}

static bool add_thread(struct retire_queue *queue)
{
	if (queue->thread_count == RETIRE_THREADS ||
	    quiet_thread_start(&queue->threads[queue->thread_count], retire_run, queue))
		return false;
	queue->thread_count++;
	return true;
}

void retire_queue_add(struct retire_queue *queue, struct probe_link *link)
{
	size_t parts = link_parts(link);
	bool queued;

	pthread_mutex_lock(&queue->lock);
	queued = !array_push(&queue->links, link);
	if (queued)
		queue->parts += parts;
	/* Threads come as they are needed; without any, the caller has to wait for the kernel. */
	if (queued && queue->idle < queue->links.count && !add_thread(queue) &&
	    !queue->thread_count) {
		queue->links.count--;
		queue->parts -= parts;
		queued = false;
	}
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	if (!queued)
		link_destroy(link);
}

size_t retire_queue_wait(struct retire_queue *queue, unsigned wait_ms)
{
	struct timespec until;
	size_t parts;

	/* What pthread_cond_timedwait() goes by, unless the condition says otherwise. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (wait_ms % 1000) * 1000000L;
	until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&queue->lock);
	while (queue->parts && !pthread_cond_timedwait(&queue->changed, &queue->lock, &until))
		;
	parts = queue->parts;
	pthread_mutex_unlock(&queue->lock);
	return parts;
}

void retire_queue_free(struct retire_queue *queue)
{
	if (!queue)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->ending = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	for (size_t i = 0; i < queue->thread_count; i++)
		pthread_join(queue->threads[i], NULL);
	array_release(&queue->links);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}
