// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text report on the calls that led to copies: a tree, the outermost function first. Functions
 * that are one another's only way stand on one line, so that a deep path takes few.
 */
#include "report/text_report.h"

#include <string.h>

#include "base/text.h"

#define LEAST_PERCENT 5   /* of all time in copies: what took less is left out; with -v ... */
#define CURIOUS       1   /* ... this */
#define LINES_MOST    20  /* else more is left out; with -v ... */
#define CURIOUS_LINES 200 /* ... this */
#define SAME_SHARE    20  /* who lacks less than 1/20 of all time of its caller's is its only way */
#define FIGURES       18  /* columns of time and share, and the gap behind them */
#define INDENT        2   /* for each branch that leads there */
#define LEAST_ROOM    18  /* for names, however deep the branches */
#define CHAIN_HEAD    2   /* functions that are shown of a long line, but for -v: the first ... */
#define CHAIN_TAIL    5   /* ... and the last ones */
#define BRANCHES_MOST FRAMES_MOST

struct tree {
	const struct call_node *nodes;
	size_t count;
	uint64_t whole_ns;
	unsigned least_percent;
};

/* The functions from `first` to `last` are on one line, at the end of `level` branches. */
struct tree_line {
	size_t first, last, level;
};

struct tree_walk {
	const struct tree *tree;
	size_t next;
	size_t levels[BRANCHES_MOST]; /* of the lines on the way to `next`, by depth */
	size_t left_out;              /* functions that were passed over */
	uint64_t left_out_ns;
};

static bool is_shown(const struct tree *tree, size_t node)
{
	return (double)tree->nodes[node].time_ns * 100 >=
	       (double)tree->whole_ns * tree->least_percent;
}

/* Where the nodes below it end. */
static size_t subtree_end(const struct tree *tree, size_t node)
{
	size_t end = node + 1;

	while (end < tree->count && tree->nodes[end].depth > tree->nodes[node].depth)
		end++;
	return end;
}

/* Whether the node behind it is its callee, and the only one that is shown. */
static bool has_one_callee(const struct tree *tree, size_t node)
{
	size_t callee = node + 1, other, end;

	if (callee >= tree->count || tree->nodes[callee].depth <= tree->nodes[node].depth ||
	    !is_shown(tree, callee))
		return false;
	end = subtree_end(tree, node);
	other = subtree_end(tree, callee);
	return other >= end || !is_shown(tree, other);
}

static size_t chain_end(const struct tree *tree, size_t first)
{
	size_t last = first;

	while (has_one_callee(tree, last) &&
	       (tree->nodes[first].time_ns - tree->nodes[last + 1].time_ns) * SAME_SHARE <
		       tree->whole_ns)
		last++;
	return last;
}

/* Gives the next line of the tree; false at its end. */
static bool walk(struct tree_walk *walk, struct tree_line *line)
{
	const struct tree *tree = walk->tree;

	while (walk->next < tree->count && !is_shown(tree, walk->next)) {
		size_t end = subtree_end(tree, walk->next);

		walk->left_out += end - walk->next;
		walk->left_out_ns += tree->nodes[walk->next].time_ns;
		walk->next = end;
	}
	if (walk->next == tree->count)
		return false;
	line->first = walk->next;
	line->last = chain_end(tree, line->first);
	line->level = tree->nodes[line->first].depth;
	if (line->level && line->level <= BRANCHES_MOST)
		line->level = walk->levels[line->level - 1] + 1;
	for (size_t i = line->first; i <= line->last; i++) {
		if (tree->nodes[i].depth < BRANCHES_MOST)
			walk->levels[tree->nodes[i].depth] = line->level;
	}
	walk->next = line->last + 1;
	return true;
}

static size_t count_lines(const struct tree *tree)
{
	struct tree_walk all = {.tree = tree};
	struct tree_line line;
	size_t count = 0;

	while (walk(&all, &line))
		count++;
	return count;
}

static void print_line(const struct text_report *text, struct page *page, const struct tree *tree,
		       const struct tree_line *line)
{
	const struct call_node *first = &tree->nodes[line->first];
	size_t columns = text->settings.columns, indent = line->level * INDENT;
	size_t count = line->last - line->first + 1, most = columns - FIGURES - LEAST_ROOM;
	char time[TEXT_SHORT], percent[TEXT_PERCENT], name[LAYOUT_NAME_BYTES], left[TEXT_SHORT];
	char more[2 * TEXT_SHORT];
	struct layout_chain chain = {.page = page, .columns = columns};
	/* One more is no longer than to say so. */
	bool is_whole = text->settings.verbose || count <= CHAIN_HEAD + CHAIN_TAIL + 1;

	indent = indent < most ? indent : most;
	chain.used = FIGURES + indent;
	chain.hang = chain.used + INDENT;
	fprintf(page->stream, "%9s  %5s  %*s", text_duration(time, first->time_ns),
		text_percent(percent, first->time_ns, tree->whole_ns), (int)indent, "");
	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = tree->nodes[line->first + i].frame;

		if (!is_whole && i == CHAIN_HEAD) {
			i = count - CHAIN_TAIL;
			snprintf(more, sizeof(more), "%s more",
				 text_count(left, count - CHAIN_HEAD - CHAIN_TAIL));
			layout_chain_add(&chain, "-> ", more);
			frame = tree->nodes[line->first + i].frame;
		}
		layout_chain_add(&chain, i ? "-> " : "",
				 text_frame(name, frame, columns - chain.hang - strlen("-> ")));
	}
	fputc('\n', page->stream);
}

/* What the tree does not show. */
static void print_rest(const struct text_report *text, struct page *page,
		       const struct tree_walk *walk, const struct stall_summary *stalls)
{
	char count[TEXT_SHORT], percent[TEXT_PERCENT], time[TEXT_SHORT];
	size_t columns = text->settings.columns;

	if (walk->left_out)
		layout_paragraph(
			page, LAYOUT_HANG, columns,
			"Left out: %s function%s with less than %u %% each, %s together%s.",
			text_count(count, walk->left_out), walk->left_out == 1 ? "" : "s",
			walk->tree->least_percent,
			text_percent(percent, walk->left_out_ns, walk->tree->whole_ns),
			text->settings.verbose ? "" : " (-v shows more)");
	if (stalls->stackless_ns)
		layout_paragraph(
			page, LAYOUT_HANG, columns,
			"Of the %s in copies, %s were sampled without a stack, and are not in it.",
			text_duration(time, stalls->sampled_ns),
			text_duration(count, stalls->stackless_ns));
}

/* Where those without a stack belong is not known, so they are in no share. */
static uint64_t shown_ns(const struct stall_summary *stalls)
{
	return stalls->sampled_ns > stalls->stackless_ns ? stalls->sampled_ns - stalls->stackless_ns
							 : stalls->sampled_ns;
}

/* Who copies now and then, and never for long, has nothing to look for in it. */
static bool is_worth_it(const struct text_report *text, const struct run_summary *summary)
{
	const struct stall_summary *stalls = &summary->stalls;

	if (!stalls->node_count || !stalls->sampled_ns)
		return false;
	if (text->settings.verbose || summary->finding.found ||
	    stalls->sampled_ns >= summary->target_cpu_ns / 100 * LEAST_PERCENT)
		return true;
	for (size_t i = 0; i < stalls->culprit_count; i++) {
		if (stalls->culprits[i].stalls)
			return true;
	}
	return false;
}

void text_tree(const struct text_report *text, struct page *page, const struct run_summary *summary)
{
	const struct stall_summary *stalls = &summary->stalls;
	bool verbose = text->settings.verbose;
	struct tree tree = {
		.nodes = stalls->nodes,
		.count = stalls->node_count,
		.whole_ns = shown_ns(stalls),
		.least_percent = verbose ? CURIOUS : LEAST_PERCENT,
	};
	struct tree_walk all = {.tree = &tree};
	struct tree_line line;

	if (!is_worth_it(text, summary))
		return;
	while (tree.least_percent < 100 &&
	       count_lines(&tree) > (verbose ? CURIOUS_LINES : LINES_MOST))
		tree.least_percent *= 2;
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "\n%9s  %5s  CALLS THAT LED TO COPIES (by samples)\n", "TIME",
		"SHARE");
	text_paint(text, page, PAINT_NONE);
	while (walk(&all, &line))
		print_line(text, page, &tree, &line);
	print_rest(text, page, &all, stalls);
}
