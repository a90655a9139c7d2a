// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/flush.h"

#include <string.h>

_Static_assert(COMM_BYTES == MW_COMM_BYTES, "a thread's name has one size on both sides");
_Static_assert(NO_GATE == MW_NO_GATE, "both sides say in one way that no copy is counted");

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

bool flush_is_whole(const struct flush *flush)
{
	return flush->copies_known && !flush->partly_counted && !flush->gate_raised;
}

/* No copy, so it can't have been a flush of the function that was inlined there. */
static bool is_left_out(const struct symbol_name *name, const struct flush *flush)
{
	return name->is_host && flush_is_whole(flush) && !flush->copies;
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
		.gate_bytes = span->gate_bytes,
		.partly_counted = span->flags & MW_SPAN_GATE_MOVED,
		.gate_raised = span->flags & MW_SPAN_RAISED,
		.copy_ns = span->copy_ns,
		.timed_copies = span->timed_copies,
		.timed_bytes = span->timed_bytes,
		.write_index = span->write_index,
		.probe_hits = span->cheap_hits + span->stepped_hits,
		.overhead_ns = probe_costs_sum_ns(costs, span->cheap_hits, span->stepped_hits),
	};

	flush.left_out = is_left_out(name, &flush);
	copy_comm(flush.comm, span->head.comm);
	return flush;
}

/* What an end of the call would have said of its gate now. */
static void take_gate(struct flush *flush, const struct mw_open_span *span,
		      const struct mw_watched *now)
{
	flush->gate_bytes = span->gate_bytes;
	flush->gate_raised = span->was_raised;
	if (!now)
		return;
	if (now->gate_bytes > flush->gate_bytes)
		flush->gate_bytes = now->gate_bytes;
	flush->partly_counted = now->gate_step != span->gate_step;
	flush->gate_raised |= now->is_raised != 0;
}

struct flush flush_from_open_span(const struct mw_span_key *key, const struct mw_open_span *span,
				  const struct mw_strand_line *totals,
				  const struct mw_watched *watched, uint64_t now_ns,
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

	take_gate(&flush, span, watched);
	if (!totals)
		return flush;
	cheap_hits = growth(totals->strand.cheap_hits, span->cheap_hits);
	stepped_hits = growth(totals->strand.stepped_hits, span->stepped_hits);
	flush.copies_known = true;
	flush.copied_bytes = growth(totals->strand.copied_bytes, span->copied_bytes);
	flush.copies = growth(totals->strand.copies, span->copies);
	flush.copy_ns = growth(totals->strand.copy_ns, span->copy_ns);
	flush.timed_copies = growth(totals->strand.timed_copies, span->timed_copies);
	flush.timed_bytes = growth(totals->strand.timed_bytes, span->timed_bytes);
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
		.duration_ns = copy->duration_ns,
		.dst_addr = copy->dst_addr,
		.src_addr = copy->src_addr,
	};

	copy_comm(large.comm, copy->head.comm);
	return large;
}
