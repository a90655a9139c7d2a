// SPDX-License-Identifier: GPL-2.0-only
/* The JSON report on what samples show: call paths, stalls and who causes them. */
#include <errno.h>

#include "report/frame_label.h"
#include "report/json_report.h"

/* ---- functions and call paths ---- */

/* The keys of a function: what it is called, and where it is. */
struct function_keys {
	const char *name, *symbol, *module, *offset, *inlined;
};

static const struct function_keys culprit_keys = {"culprit", "symbol", "module", "offset",
						  "inlined"};

/* offset is where its code begins. Nothing where the function is not known. */
static void add_function(struct json_line *line, const struct function_keys *keys,
			 const struct frame *frame)
{
	char label[FRAME_LABEL_BYTES];

	if (!frame)
		return;
	json_line_text(line, keys->name, frame_label(label, frame));
	json_line_text(line, keys->symbol, frame->symbol);
	json_line_text(line, keys->module, frame->module);
	json_line_known(line, keys->offset, frame->function_off);
	if (frame->is_inlined)
		json_line_flag(line, keys->inlined, true);
}

static struct json_line frame_object(const struct frame *frame)
{
	struct json_line line = json_line_new(NULL);

	json_line_text(&line, "name", frame->name);
	json_line_text(&line, "symbol", frame->symbol);
	json_line_text(&line, "module", frame->module);
	/* Of code in no file, the address is all that there is to tell. */
	if (frame->module)
		json_line_count(&line, "offset", frame->offset);
	else
		json_line_count(&line, "addr", frame->addr);
	json_line_known(&line, "function_offset", frame->function_off);
	json_line_text(&line, "file", frame->file);
	json_line_known(&line, "line", frame->line);
	json_line_flag(&line, "inlined", frame->is_inlined);
	if (frame->is_signal)
		json_line_flag(&line, "signal", true);
	json_line_text(&line, "language", frame->language);
	return line;
}

void json_add_stack(struct json_line *line, const struct frame *frames, size_t count,
		    enum stack_end end)
{
	static const char *const ends[] = {[STACK_WHOLE] = "whole",
					   [STACK_CUT] = "cut",
					   [STACK_LOST] = "lost",
					   [STACK_TOO_DEEP] = "too_deep"};
	json_t *array;

	if (!count)
		return;
	array = json_array();
	for (size_t i = 0; i < count; i++) {
		struct json_line frame = frame_object(&frames[i]);

		if (json_line_append(array, &frame))
			line->error = -ENOMEM;
	}
	json_line_value(line, "stack", array);
	json_line_text(line, "stack_end", ends[end]);
}

/* ---- a stall ---- */

/* Which of its fields are what samples make of them. */
static void add_estimated(struct json_line *line)
{
	json_t *array = json_array();

	if (json_array_append_new(array, json_string("start_ns")) ||
	    json_array_append_new(array, json_string("duration_ns")))
		line->error = -ENOMEM;
	json_line_value(line, "estimated", array);
}

int json_send_stall(FILE *out, const struct stall *stall)
{
	struct json_line line = json_line_new("stall");

	add_function(&line, &culprit_keys, stall->culprit);
	json_add_thread(&line, stall->pid, stall->tid, stall->comm);
	json_line_known(&line, "goroutine_addr", stall->goroutine_addr);
	json_line_count(&line, "start_ns", stall->start_ns);
	json_line_count(&line, "duration_ns", stall->duration_ns);
	json_line_count(&line, "error_ns", stall->error_ns);
	json_line_flag(&line, "unfinished", stall->unfinished);
	json_line_count(&line, "samples", stall->samples);
	json_line_count(&line, "stacks", stall->stacks);
	json_line_count(&line, "user_ns", stall->user_ns);
	json_line_count(&line, "fault_ns", stall->fault_ns);
	if (stall->trap_ns)
		json_line_count(&line, "trap_ns", stall->trap_ns);
	json_line_count(&line, "copied_bytes", stall->copied_bytes);
	json_line_count(&line, "copies", stall->copies);
	json_add_gate(&line, "gate_bytes", stall->gate_bytes);
	add_estimated(&line);
	json_add_stack(&line, stall->frames, stall->frame_count, stall->path_end);
	return json_line_send(&line, out);
}

/* ---- who defers what is carried out in stalls ---- */

static void add_evidence(struct json_line *line, const struct discovery *discovery)
{
	static const struct function_keys keys = {"function", "symbol", "module", "offset",
						  "inlined"};
	json_t *array = json_array();

	for (size_t i = 0; i < discovery->function_count; i++) {
		const struct counted_function *counted = &discovery->functions[i];
		struct json_line object = json_line_new(NULL);

		add_function(&object, &keys, counted->frame);
		json_line_count(&object, "calls_per_stall", counted->calls_per_stall);
		json_line_count(&object, "calls_within", counted->calls_within);
		if (json_line_append(array, &object))
			line->error = -ENOMEM;
	}
	json_line_value(line, "evidence", array);
}

/* From stall to stall; absent as far as it is not known. */
static void add_period(struct json_line *line, const struct discovery *discovery)
{
	if (!discovery->caller)
		return;
	if (discovery->is_irregular) {
		json_line_text(line, "period_kind", "irregular");
	} else if (discovery->period_calls) {
		json_line_count(line, "period_writes", discovery->period_calls);
		/* One distance is no law. */
		json_line_text(line, "period_kind", discovery->stalls > 1 ? "constant" : "single");
	}
	json_line_known(line, "calls_per_stall",
			frame_calls_per_stall(discovery, discovery->caller));
}

int json_send_discovery(FILE *out, const struct discovery *discovery)
{
	static const struct function_keys flush_keys = {"flush", "flush_symbol", "flush_module",
							"flush_offset", "flush_inlined"};
	static const struct function_keys caller_keys = {"lazy_caller", "lazy_caller_symbol",
							 "lazy_caller_module", "lazy_caller_offset",
							 "lazy_caller_inlined"};
	struct json_line line = json_line_new("finding");

	json_line_text(&line, "found_by", "calls");
	json_line_count(&line, "at_ns", discovery->at_ns);
	json_line_count(&line, "pid", (uint64_t)discovery->pid);
	json_line_text(&line, "comm", *discovery->comm ? discovery->comm : NULL);
	add_function(&line, &culprit_keys, discovery->culprit);
	add_function(&line, &flush_keys, discovery->flush);
	add_function(&line, &caller_keys, discovery->caller);
	add_period(&line, discovery);
	json_line_count(&line, "stalls", discovery->stalls);
	add_evidence(&line, discovery);
	json_line_count(&line, "cost_ns", discovery->cost_ns);
	json_line_flag(&line, "watched", discovery->is_watched);
	json_line_text(&line, "reason", discovery->reason);
	return json_line_send(&line, out);
}

/* ---- the summary ---- */

static void add_culprits(struct json_line *line, const struct stall_summary *stalls)
{
	json_t *array = json_array();

	for (size_t i = 0; i < stalls->culprit_count; i++) {
		const struct culprit *culprit = &stalls->culprits[i];
		struct json_line object = json_line_new(NULL);

		add_function(&object, &culprit_keys, culprit->frame);
		json_line_count(&object, "stalls", culprit->stalls);
		json_line_count(&object, "samples", culprit->samples);
		json_line_count(&object, "total_ns", culprit->total_ns);
		json_line_count(&object, "p50_ns", culprit->p50_ns);
		json_line_count(&object, "max_ns", culprit->max_ns);
		json_line_count(&object, "user_ns", culprit->user_ns);
		json_line_count(&object, "fault_ns", culprit->fault_ns);
		json_line_count(&object, "copied_bytes", culprit->copied_bytes);
		json_add_gate(&object, "gate_bytes", culprit->gate_bytes);
		if (json_line_append(array, &object))
			line->error = -ENOMEM;
	}
	json_line_value(line, "culprits", array);
}

static void add_call_tree(struct json_line *line, const struct stall_summary *stalls)
{
	static const struct function_keys keys = {"name", "symbol", "module", "offset", "inlined"};
	json_t *array = json_array();

	for (size_t i = 0; i < stalls->node_count; i++) {
		const struct call_node *node = &stalls->nodes[i];
		struct json_line object = json_line_new(NULL);

		add_function(&object, &keys, node->frame);
		json_line_count(&object, "depth", node->depth);
		json_line_count(&object, "time_ns", node->time_ns);
		json_line_count(&object, "own_ns", node->own_ns);
		if (json_line_append(array, &object))
			line->error = -ENOMEM;
	}
	json_line_value(line, "call_tree", array);
}

void json_add_samples(struct json_line *line, const struct run_summary *summary)
{
	const struct stall_summary *stalls = &summary->stalls;

	if (!summary->is_sampled)
		return;
	json_line_count(line, "sample_period_ns", summary->sample_period_ns);
	if (!summary->is_partial) {
		json_line_count(line, "samples", summary->samples);
		json_line_count(line, "copy_samples", summary->copy_samples);
		json_line_count(line, "trap_samples", summary->trap_samples);
		json_line_count(line, "stacks", summary->stacks);
		json_line_count(line, "sampling_ns", summary->sampling_ns);
	}
	json_line_count(line, "sampled_ns", stalls->sampled_ns);
	json_line_count(line, "stackless_ns", stalls->stackless_ns);
	add_culprits(line, stalls);
	add_call_tree(line, stalls);
}
