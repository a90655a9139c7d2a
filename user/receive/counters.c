// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "receive/receive.h"

int counters_read_functions(int functions_map_fd, struct mw_function *functions, size_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(functions_map_fd, &i, &functions[i]))
			return -errno;
	}
	return 0;
}

/* Every field but the maximum is a sum of 64-bit counters, so CPUs add up word by word. */
static void add_totals(struct mw_totals *sum, const struct mw_totals *cpu)
{
	uint64_t largest = sum->largest_copy_bytes > cpu->largest_copy_bytes
				   ? sum->largest_copy_bytes
				   : cpu->largest_copy_bytes;
	const uint64_t *from = (const uint64_t *)cpu;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
	sum->largest_copy_bytes = largest;
}

int counters_read_totals(int totals_map_fd, struct mw_totals *totals)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = MW_TOTALS_TARGET;
	struct mw_totals *per_cpu;
	int err = 0;

	if (cpus < 0)
		return cpus;
	per_cpu = calloc(cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	memset(totals, 0, sizeof(*totals));
	if (bpf_map_lookup_elem(totals_map_fd, &key, per_cpu))
		err = -errno;
	for (int i = 0; !err && i < cpus; i++)
		add_totals(totals, &per_cpu[i]);
	free(per_cpu);
	return err;
}

int counters_read_open_spans(int open_spans_map_fd, open_span_list *spans)
{
	struct mw_span_key *previous = NULL;
	struct open_span entry;
	int err;

	/* Counting has stopped, so no entry goes between its key and its value. */
	while (!bpf_map_get_next_key(open_spans_map_fd, previous, &entry.key)) {
		if (bpf_map_lookup_elem(open_spans_map_fd, &entry.key, &entry.span))
			return -errno;
		err = array_push(spans, entry);
		if (err)
			return err;
		previous = &spans->items[spans->count - 1].key;
	}
	return 0;
}

int counters_read_threads(int thread_lines_link_fd, strand_line_list *strands)
{
	struct mw_strand_line line;
	ssize_t got;
	int fd, err = 0;

	if (thread_lines_link_fd < 0)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(thread_lines_link_fd);
	if (fd < 0)
		return -errno;
	while (!err && (got = read(fd, &line, sizeof(line))) > 0)
		err = got == sizeof(line) ? array_push(strands, line) : -EIO;
	close(fd);
	return err;
}

int counters_read_goroutines(int goroutines_map_fd, strand_line_list *strands)
{
	struct mw_goroutine *previous = NULL, goroutine;
	int err = 0;

	while (!err && !bpf_map_get_next_key(goroutines_map_fd, previous, &goroutine)) {
		struct mw_strand_line line = {.pid = goroutine.pid, .owner = goroutine.g_addr};

		previous = &goroutine;
		/* The mark of a process that has some. */
		if (!goroutine.g_addr)
			continue;
		if (bpf_map_lookup_elem(goroutines_map_fd, &goroutine, &line.strand))
			return -errno;
		err = array_push(strands, line);
	}
	return err;
}
