// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/flush.h"

#include <string.h>

_Static_assert(COMM_BYTES == MW_COMM_BYTES, "a thread's name has one size on both sides");

uint64_t probe_costs_sum_ns(const struct probe_costs *costs, uint64_t cheap_hits,
			    uint64_t stepped_hits)
{
	return cheap_hits * costs->cheap_ns + stepped_hits * costs->stepped_ns;
}

/* The kernel ends it with a NUL, but a damaged record must not make us read on. */
static void copy_comm(char comm[COMM_BYTES], const char from[MW_COMM_BYTES])
{
	memcpy(comm, from, COMM_BYTES);
	comm[COMM_BYTES - 1] = '\0';
}

/*
 * The growth of a running total. The totals and the open call are read one after the other from a
 * running target, so the older may have been read last.
 */
static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* No copy, so it can't have been a flush of the function that was inlined there. */
static bool is_left_out(const struct symbol_name *name, const struct flush *flush)
{
	return name->is_host && flush->copies_known && !flush->copies;
}

struct flush flush_from_span(const struct mw_span *span, const struct symbol_name *name,
			     const struct probe_costs *costs)
{
	struct flush flush = {
		.function = name->function,
		.symbol = name->symbol,
		.module = name->module,
		.pid = (pid_t)span->head.pid,
		.tid = (pid_t)span->head.tid,
		.goroutine_addr = span->goroutine,
		.start_ns = span->start_ns,
		.duration_ns = span->duration_ns,
		.unfinished = span->flags & MW_SPAN_UNFINISHED,
		.recursive = span->flags & MW_SPAN_RECURSIVE,
		.in_write = span->flags & MW_SPAN_IN_WRITE,
		.copied_bytes = span->copied_bytes,
		.copies = span->copies,
		.copies_known = true,
		.write_index = span->write_index,
		.probe_hits = span->cheap_hits + span->stepped_hits,
		.overhead_ns = probe_costs_sum_ns(costs, span->cheap_hits, span->stepped_hits),
	};

	flush.left_out = is_left_out(name, &flush);
	copy_comm(flush.comm, span->head.comm);
	return flush;
}

struct flush flush_from_open_span(const struct mw_span_key *key, const struct mw_open_span *span,
				  const struct mw_strand_line *totals, uint64_t now_ns,
				  const struct symbol_name *name, const struct probe_costs *costs)
{
	struct flush flush = {
		.function = name->function,
		.symbol = name->symbol,
		.module = name->module,
		.pid = (pid_t)span->pid,
		.tid = (pid_t)span->tid,
		.goroutine_addr = key->owner,
		.start_ns = span->start_ns,
		.duration_ns = growth(now_ns, span->start_ns),
		.unfinished = true,
		.recursive = span->recursive,
		.in_write = span->in_write,
		.write_index = span->write_index,
	};
	uint64_t cheap_hits, stepped_hits;

	if (!totals)
		return flush;
	cheap_hits = growth(totals->strand.cheap_hits, span->cheap_hits);
	stepped_hits = growth(totals->strand.stepped_hits, span->stepped_hits);
	flush.copies_known = true;
	flush.copied_bytes = growth(totals->strand.copied_bytes, span->copied_bytes);
	flush.copies = growth(totals->strand.copies, span->copies);
	flush.probe_hits = cheap_hits + stepped_hits;
	flush.overhead_ns = probe_costs_sum_ns(costs, cheap_hits, stepped_hits);
	flush.left_out = is_left_out(name, &flush);
	copy_comm(flush.comm, totals->comm);
	return flush;
}

struct large_copy large_copy_from_record(const struct mw_copy *copy, const struct symbol_name *name)
{
	struct large_copy large = {
		.routine = name->function,
		.module = name->module,
		.pid = (pid_t)copy->head.pid,
		.tid = (pid_t)copy->head.tid,
		.start_ns = copy->head.at_ns,
		.bytes = copy->copied_bytes,
		.dst_addr = copy->dst_addr,
		.src_addr = copy->src_addr,
	};

	copy_comm(large.comm, copy->head.comm);
	return large;
}
