// SPDX-License-Identifier: GPL-2.0-only
#include "attach/retire.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/array.h"

struct retire_queue {
	pthread_t thread;
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
		while (!queue->links.count && !queue->ending)
			pthread_cond_wait(&queue->changed, &queue->lock);
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
	if (pthread_create(&queue->thread, NULL, retire_run, queue)) {
		free(queue);
		return NULL;
	}
	return queue;
}

void retire_queue_add(struct retire_queue *queue, struct probe_link *link)
{
	size_t parts = link_parts(link);
	bool queued;

	pthread_mutex_lock(&queue->lock);
	queued = !array_push(&queue->links, link);
	if (queued)
		queue->parts += parts;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	if (!queued)
		link_destroy(link);
}

size_t retire_queue_parts(struct retire_queue *queue)
{
	size_t parts;

	pthread_mutex_lock(&queue->lock);
	parts = queue->parts;
	pthread_mutex_unlock(&queue->lock);
	return parts;
}

void retire_queue_wait(struct retire_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->parts)
		pthread_cond_wait(&queue->changed, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
}

void retire_queue_free(struct retire_queue *queue)
{
	if (!queue)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->ending = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	pthread_join(queue->thread, NULL);
	array_release(&queue->links);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}
