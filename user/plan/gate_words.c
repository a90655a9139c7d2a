// SPDX-License-Identifier: GPL-2.0-only
#include "plan/gate_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* How far back a straight line is told of. */
#define LINE_STEPS      16
#define SPAN_TEXT_BYTES 96

static const char *span_text(char buf[SPAN_TEXT_BYTES], struct size_span span)
{
	char least[TEXT_SHORT], most[TEXT_SHORT];

	if (span.most >= COPY_BYTES_MOST && !span.least)
		return "of all sizes";
	if (span.most >= COPY_BYTES_MOST)
		snprintf(buf, SPAN_TEXT_BYTES, "of more than %s bytes",
			 text_count(least, span.least - 1));
	else if (span.least == span.most)
		snprintf(buf, SPAN_TEXT_BYTES, "of %s bytes", text_count(least, span.least));
	else
		snprintf(buf, SPAN_TEXT_BYTES, "of %s to %s bytes", text_count(least, span.least),
			 text_count(most, span.most));
	return buf;
}

static const char *text_at(const struct gate_words *words, uint64_t vaddr,
			   char buf[INSN_TEXT_BYTES])
{
	size_t bytes = 0;
	const uint8_t *at = words->code->read(words->code->source, vaddr, &bytes);

	return at ? insn_text(buf, at, bytes, vaddr) : "(bad)";
}

/* The threshold in memory that the bound comes from. */
static const struct gate_constant *constant_of(const struct gate_words *words, uint64_t least)
{
	const struct gate_constant *constant;

	array_each (constant, words->constants)
		if (least > 1 && (constant->value == least || constant->value == least - 1))
			return constant;
	return NULL;
}

static const char *cost_text(const struct size_node *node)
{
	return node->op.insn.probe == PROBE_EMULATED ? "emulated" : "single-stepped";
}

void gate_words_point(const struct gate_words *words, uint32_t node, char text[PLAN_REASON_BYTES])
{
	const struct size_node *at = &words->graph->nodes.items[node];
	const struct gate_constant *constant = constant_of(words, at->before.span.least);
	char insn[INSN_TEXT_BYTES], span[SPAN_TEXT_BYTES], threshold[48] = "";

	if (!at->before.span.least && at->before.span.most >= COPY_BYTES_MOST) {
		snprintf(text, PLAN_REASON_BYTES, "%.50s: copies of all sizes pass; %s",
			 text_at(words, at->vaddr, insn), cost_text(at));
		return;
	}
	if (constant)
		snprintf(threshold, sizeof(threshold), " (threshold at 0x%" PRIx64 ")",
			 constant->vaddr);
	snprintf(text, PLAN_REASON_BYTES, "%.36s: %s copies %.46s pass%.34s; %s",
		 text_at(words, at->vaddr, insn), at->before.rareness ? "overlapping" : "only",
		 span_text(span, at->before.span), threshold, cost_text(at));
}

/* The one node from which alone control comes to this, or UINT32_MAX. */
static uint32_t only_way_to(const struct size_graph *graph, uint32_t node)
{
	const struct size_edge *edge;
	uint32_t from = UINT32_MAX;

	if (graph->nodes.items[node].is_door)
		return UINT32_MAX;
	array_each (edge, &graph->edges) {
		if (edge->to != node)
			continue;
		if (from != UINT32_MAX && from != edge->from)
			return UINT32_MAX;
		from = edge->from;
	}
	return from;
}

static uint32_t next_on_line(const struct size_graph *graph, uint32_t node)
{
	const struct size_node *at = &graph->nodes.items[node];

	for (uint32_t i = at->first_edge; i < size_graph_last_edge(graph, node); i++) {
		uint32_t to = graph->edges.items[i].to;

		if (graph->nodes.items[to].vaddr == at->vaddr + at->op.insn.length)
			return to;
	}
	return UINT32_MAX;
}

static const char *verdict_text(const struct gate_words *words, uint32_t node)
{
	const struct size_node *at = &words->graph->nodes.items[node];

	switch (words->verdicts[node]) {
	case GATE_HAS_NO_ARGUMENTS:
		return "has lost the arguments";
	case GATE_IN_LOOP:
		return "is in a loop";
	case GATE_BEARS_NO_PROBE:
		return "bears no probe";
	case GATE_SPLIT:
		return "is jumped into";
	case GATE_FITS:
		break;
	}
	return at->op.insn.probe == PROBE_EMULATED ? NULL : "is single-stepped";
}

/* The last instruction on the way to the gate that would do, but for the smaller copies there. */
static uint32_t lower_gate(const struct gate_words *words, uint32_t node)
{
	const struct size_graph *graph = words->graph;
	uint64_t least = graph->nodes.items[node].before.span.least;

	for (size_t i = 0; i < LINE_STEPS && node != UINT32_MAX; i++) {
		if (graph->nodes.items[node].before.span.least < least &&
		    words->verdicts[node] == GATE_FITS &&
		    graph->nodes.items[node].op.insn.probe == PROBE_EMULATED)
			return node;
		node = only_way_to(graph, node);
	}
	return UINT32_MAX;
}

static size_t append_neighbour(const struct gate_words *words, uint32_t node, const char *where,
			       char *text, size_t used)
{
	char insn[INSN_TEXT_BYTES];
	const char *verdict = node == UINT32_MAX ? NULL : verdict_text(words, node);

	if (!verdict)
		return used;
	used += (size_t)snprintf(
		text + used, PLAN_REASON_BYTES - used, "%s%.36s %s it %s", used ? "; " : "",
		text_at(words, words->graph->nodes.items[node].vaddr, insn), where, verdict);
	return used < PLAN_REASON_BYTES ? used : PLAN_REASON_BYTES - 1;
}

void gate_words_neighbours(const struct gate_words *words, uint32_t node,
			   char text[PLAN_REASON_BYTES])
{
	const struct size_graph *graph = words->graph;
	uint32_t lower = lower_gate(words, node);
	char insn[INSN_TEXT_BYTES], least[TEXT_SHORT];
	size_t used;

	*text = '\0';
	used = append_neighbour(words, only_way_to(graph, node), "before", text, 0);
	if (lower != UINT32_MAX) {
		used += (size_t)snprintf(
			text + used, PLAN_REASON_BYTES - used, "%s%.36s passes from %s bytes on",
			used ? "; " : "", text_at(words, graph->nodes.items[lower].vaddr, insn),
			text_count(least, graph->nodes.items[lower].before.span.least));
		return;
	}
	append_neighbour(words, next_on_line(graph, node), "behind", text, used);
}

/* Whether nothing speaks against a probe on a node of another graph of the same routine. */
static bool fits(const struct gate_words *words, const struct size_node *node)
{
	const struct size_node *known =
		size_graph_node(words->graph, node->vaddr, node->has_arguments);

	return known && words->verdicts[known - words->graph->nodes.items] == GATE_FITS;
}

/*
 * Where copies come to an end past nothing that fits: the return, with what each node was reached
 * from in came_from; UINT32_MAX where there is no such way.
 */
static uint32_t free_way(const struct gate_words *words, const struct size_graph *way,
			 uint32_t *came_from, uint32_t *queue)
{
	uint32_t first = 0, count = 0;

	for (uint32_t i = 0; i < way->nodes.count; i++) {
		came_from[i] = UINT32_MAX;
		if (!way->nodes.items[i].is_door || fits(words, &way->nodes.items[i]))
			continue;
		came_from[i] = i;
		queue[count++] = i;
	}
	while (first < count) {
		uint32_t node = queue[first++];

		if (way->nodes.items[node].end == END_RETURN)
			return node;
		for (uint32_t i = way->nodes.items[node].first_edge;
		     i < size_graph_last_edge(way, node); i++) {
			uint32_t to = way->edges.items[i].to;

			if (came_from[to] != UINT32_MAX || fits(words, &way->nodes.items[to]))
				continue;
			came_from[to] = node;
			queue[count++] = to;
		}
	}
	return UINT32_MAX;
}

static void tell_of_way(const struct gate_words *words, const struct size_graph *way,
			const uint32_t *came_from, uint32_t end, char text[PLAN_REASON_BYTES])
{
	char insn[INSN_TEXT_BYTES], span[SPAN_TEXT_BYTES];
	const struct size_node *last;
	uint32_t at = end;

	while (came_from[at] != at && !way->nodes.items[at].has_arguments)
		at = came_from[at];
	last = &way->nodes.items[at];
	snprintf(text, PLAN_REASON_BYTES,
		 "copies %.50s lose their arguments at 0x%" PRIx64
		 " (%.20s); nothing before bears a probe",
		 span_text(span, way->nodes.items[end].before.span), last->vaddr,
		 text_at(words, last->vaddr, insn));
}

int gate_words_refusal(const struct gate_words *words, const struct size_graph *way,
		       char text[PLAN_REASON_BYTES])
{
	uint32_t *scratch = calloc(2 * way->nodes.count + 1, sizeof(*scratch));
	uint32_t end;

	if (!scratch)
		return -ENOMEM;
	end = free_way(words, way, scratch, scratch + way->nodes.count);
	if (end == UINT32_MAX)
		snprintf(text, PLAN_REASON_BYTES,
			 "its ways part and meet so that any points would count some copies twice");
	else
		tell_of_way(words, way, scratch, end, text);
	free(scratch);
	return -ENOTSUP;
}
