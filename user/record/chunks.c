// SPDX-License-Identifier: GPL-2.0-only
#include "record/chunks.h"

#include <errno.h>
#include <string.h>

#define NO_INDEX UINT32_MAX

/*
 * A field that comes to one of them goes into its walk below, and raises RECORDING_VERSION; but for
 * a frame's caller_state, which only serves while the target runs.
 */
_Static_assert(sizeof(struct run_header) == 96 && sizeof(struct symbol_name) == 48 &&
		       sizeof(struct child_report) == 64 && sizeof(struct stack_mapping) == 80 &&
		       sizeof(struct flush) == 200 && sizeof(struct large_copy) == 104 &&
		       sizeof(struct budget_step) == 96 && sizeof(struct frame) == 88 &&
		       sizeof(struct discovery) == 296 &&
		       offsetof(struct run_end, uncalled_count) + sizeof(size_t) -
				       sizeof(struct mw_totals) -
				       MW_MAX_FUNCTIONS * sizeof(struct mw_function) ==
			       168,
	       "what is recorded changed");

/* As enumerations are as wide as the compiler likes. */
#define field_enum(fields, value, limit)                                                           \
	do {                                                                                       \
		uint32_t kind_ = (uint32_t)(value);                                                \
                                                                                                   \
		field_kind(fields, &kind_, limit);                                                 \
		(value) = kind_;                                                                   \
	} while (0)

static void field_texts(struct fields *fields, const char *const **texts, size_t *count)
{
	const char **all = field_array(fields, *texts, count, sizeof(uint32_t), sizeof(*all));

	for (size_t i = 0; i < *count && !fields->err; i++)
		field_name(fields, &all[i]);
	*texts = all;
}

void chunk_header(struct fields *fields, struct run_header *header,
		  struct recorded_settings *settings)
{
	pid_t *pids;

	field_name(fields, &header->version);
	field_u64(fields, &header->start_unix_ns);
	field_u64(fields, &header->start_ns);
	field_text(fields, &header->command);
	field_text(fields, &header->run_as);
	pids = field_array(fields, header->pids, &header->pid_count, sizeof(*pids), sizeof(*pids));
	for (size_t i = 0; i < header->pid_count && !fields->err; i++)
		field_pid(fields, &pids[i]);
	header->pids = pids;
	field_flag(fields, &header->gate_is_fixed);
	field_u64(fields, &header->gate_bytes);
	field_real(fields, &header->budget_pct);
	field_u64(fields, &header->min_bytes);
	field_u64(fields, &header->min_time_ns);
	field_u64(fields, &settings->sample_period_ns);
	field_u64(fields, &settings->quiet_ns);
	field_text(fields, &settings->writes_function);
	field_flag(fields, &settings->is_copies_only);
}

static void field_symbol_name(struct fields *fields, struct symbol_name *name)
{
	field_name(fields, &name->function);
	field_text(fields, &name->symbol);
	field_name(fields, &name->module);
	field_flag(fields, &name->is_host);
	field_flag(fields, &name->ends_unseen);
	field_enum(fields, name->watch, WATCH_DROPPED + 1);
	field_flag(fields, &name->was_throttled);
	field_u64(fields, &name->unseen_starts);
}

void chunk_function_name(struct fields *fields, uint32_t *function, struct symbol_name *name)
{
	field_kind(fields, function, MW_MAX_FUNCTIONS);
	field_symbol_name(fields, name);
}

void chunk_routine_name(struct fields *fields, uint32_t *routine, struct symbol_name *name)
{
	field_kind(fields, routine, RECORDED_ROUTINES);
	field_symbol_name(fields, name);
}

void chunk_child(struct fields *fields, struct child_report *child)
{
	field_pid(fields, &child->pid);
	field_pid(fields, &child->parent_pid);
	field_comm(fields, child->comm, sizeof(child->comm));
	field_name(fields, &child->event);
	field_u64(fields, &child->at_ns);
	field_u64(fields, &child->unwatched_ns);
	field_flag(fields, &child->watched);
	field_text(fields, &child->reason);
}

/* Addresses, two texts and a mark. */
#define MAPPING_LEAST (3 * 8 + 4 + 8 + 20 + 2 * 8)

static void field_mapping(struct fields *fields, struct recorded_mapping *recorded)
{
	struct stack_mapping *mapping = &recorded->mapping;

	field_u64(fields, &mapping->start_addr);
	field_u64(fields, &mapping->end_addr);
	field_u64(fields, &mapping->file_off);
	field_text(fields, &mapping->path);
	field_size(fields, &mapping->build_id_bytes);
	field_bytes(fields, mapping->build_id, sizeof(mapping->build_id));
	field_u64(fields, &recorded->mark.bytes);
	field_u64(fields, &recorded->mark.changed_ns);
	if (mapping->start_addr > mapping->end_addr ||
	    mapping->build_id_bytes > sizeof(mapping->build_id))
		fields->err = fields->err ? fields->err : -EBADMSG;
}

void chunk_code(struct fields *fields, struct recorded_code *code)
{
	field_pid(fields, &code->pid);
	field_u64(fields, &code->since_ns);
	code->mappings = field_array(fields, code->mappings, &code->count, MAPPING_LEAST,
				     sizeof(*code->mappings));
	for (size_t i = 0; i < code->count && !fields->err; i++)
		field_mapping(fields, &code->mappings[i]);
}

void chunk_jitted(struct fields *fields, struct recorded_jitted *jitted)
{
	field_pid(fields, &jitted->pid);
	field_u64(fields, &jitted->code.start_addr);
	field_u64(fields, &jitted->code.bytes);
	field_u64(fields, &jitted->code.line);
	field_name(fields, &jitted->code.name);
}

void chunk_process_end(struct fields *fields, pid_t *pid, uint64_t *at_ns)
{
	field_pid(fields, pid);
	field_u64(fields, at_ns);
}

/* Names and stack come with other chunks. */
void chunk_flush(struct fields *fields, uint32_t *function, struct flush *flush)
{
	field_kind(fields, function, MW_MAX_FUNCTIONS);
	field_pid(fields, &flush->pid);
	field_pid(fields, &flush->tid);
	field_comm(fields, flush->comm, sizeof(flush->comm));
	field_u64(fields, &flush->start_ns);
	field_u64(fields, &flush->duration_ns);
	field_flag(fields, &flush->unfinished);
	field_flag(fields, &flush->recursive);
	field_flag(fields, &flush->left_out);
	field_u64(fields, &flush->copied_bytes);
	field_u64(fields, &flush->copies);
	field_flag(fields, &flush->copies_known);
	field_u64(fields, &flush->gate_bytes);
	field_flag(fields, &flush->partly_counted);
	field_flag(fields, &flush->gate_raised);
	field_u64(fields, &flush->copy_ns);
	field_u64(fields, &flush->timed_copies);
	field_u64(fields, &flush->timed_bytes);
	field_u64(fields, &flush->goroutine_addr);
	field_u64(fields, &flush->write_index);
	field_flag(fields, &flush->in_write);
	field_u64(fields, &flush->probe_hits);
	field_u64(fields, &flush->overhead_ns);
}

void chunk_copy(struct fields *fields, uint32_t *routine, struct large_copy *copy)
{
	field_kind(fields, routine, RECORDED_ROUTINES);
	field_pid(fields, &copy->pid);
	field_pid(fields, &copy->tid);
	field_comm(fields, copy->comm, sizeof(copy->comm));
	field_u64(fields, &copy->start_ns);
	field_u64(fields, &copy->bytes);
	field_u64(fields, &copy->duration_ns);
	field_u64(fields, &copy->dst_addr);
	field_u64(fields, &copy->src_addr);
}

void chunk_budget(struct fields *fields, struct budget_step *step)
{
	field_u64(fields, &step->at_ns);
	field_pid(fields, &step->pid);
	field_comm(fields, step->comm, sizeof(step->comm));
	field_text(fields, &step->function);
	field_u64(fields, &step->from_gate_bytes);
	field_u64(fields, &step->to_gate_bytes);
	field_enum(fields, step->from_watch, WATCH_DROPPED + 1);
	field_enum(fields, step->to_watch, WATCH_DROPPED + 1);
	field_flag(fields, &step->is_raised);
	field_u64(fields, &step->spent_ns);
	field_u64(fields, &step->during_ns);
	field_u64(fields, &step->took_ns);
}

static void field_frame(struct fields *fields, struct frame *frame)
{
	uint32_t line = frame->line;

	field_u64(fields, &frame->addr);
	field_text(fields, &frame->name);
	field_text(fields, &frame->symbol);
	field_text(fields, &frame->module);
	field_u64(fields, &frame->offset);
	field_u64(fields, &frame->function_off);
	field_text(fields, &frame->file);
	field_u32(fields, &line);
	frame->line = line;
	field_text(fields, &frame->language);
	field_flag(fields, &frame->is_inlined);
	field_flag(fields, &frame->is_signal);
}

/* One of the functions' frames, by its number. */
static void field_frame_of(struct fields *fields, const struct discovery *discovery,
			   const struct frame **frame)
{
	uint32_t index = NO_INDEX;

	for (size_t i = 0; i < discovery->function_count; i++) {
		if (*frame && *frame == discovery->functions[i].frame && index == NO_INDEX)
			index = (uint32_t)i;
	}
	field_u32(fields, &index);
	if (fields->is_reading && index != NO_INDEX && index >= discovery->function_count)
		fields->err = fields->err ? fields->err : -EBADMSG;
	if (fields->is_reading && !fields->err)
		*frame = index == NO_INDEX ? NULL : discovery->functions[index].frame;
}

void chunk_discovery(struct fields *fields, struct discovery *discovery,
		     struct frame frames[DISCOVERY_FRAMES])
{
	field_u64(fields, &discovery->at_ns);
	field_pid(fields, &discovery->pid);
	field_comm(fields, discovery->comm, sizeof(discovery->comm));
	field_enum(fields, discovery->function_count, DISCOVERY_FUNCTIONS + 1);
	for (size_t i = 0; i < discovery->function_count; i++) {
		struct counted_function *function = &discovery->functions[i];

		if (fields->is_reading)
			function->frame = &frames[i];
		else
			frames[i] = *function->frame;
		field_frame(fields, &frames[i]);
		field_u64(fields, &function->calls_per_stall);
		field_u64(fields, &function->calls_within);
	}
	if (fields->is_reading)
		discovery->culprit = &frames[DISCOVERY_FUNCTIONS];
	else
		frames[DISCOVERY_FUNCTIONS] = *discovery->culprit;
	field_frame(fields, &frames[DISCOVERY_FUNCTIONS]);
	field_frame_of(fields, discovery, &discovery->flush);
	field_frame_of(fields, discovery, &discovery->caller);
	field_u64(fields, &discovery->stalls);
	field_u64(fields, &discovery->period_calls);
	field_flag(fields, &discovery->is_irregular);
	field_flag(fields, &discovery->is_watched);
	field_u64(fields, &discovery->cost_ns);
	field_text(fields, &discovery->reason);
}

void chunk_advance(struct fields *fields, uint64_t *now_ns)
{
	field_u64(fields, now_ns);
}

void chunk_end(struct fields *fields, uint32_t *function_count, struct run_end *end)
{
	field_u64(fields, &end->at_ns);
	field_kind(fields, function_count, MW_MAX_FUNCTIONS + 1);
	for (uint32_t i = 0; i < *function_count && !fields->err; i++)
		field_counters(fields, &end->functions[i], sizeof(end->functions[i]));
	field_counters(fields, &end->totals, sizeof(end->totals));
	field_u64(fields, &end->costs.cheap_ns);
	field_u64(fields, &end->costs.stepped_ns);
	field_u64(fields, &end->malformed);
	field_u64(fields, &end->wall_ns);
	field_u64(fields, &end->target_cpu_ns);
	field_u64(fields, &end->retired_spent_ns);
	field_u64(fields, &end->sample_ns);
	field_u64(fields, &end->switching_ns);
	field_u64(fields, &end->processes_seen);
	field_u64(fields, &end->processes_watched);
	field_u64(fields, &end->worst_unwatched_ns);
	field_u64(fields, &end->budget_credit_ns);
	field_u64(fields, &end->budget_steps);
	field_u64(fields, &end->gate_bytes);
	field_flag(fields, &end->is_copies_only);
	field_text(fields, &end->writes_function);
	field_texts(fields, &end->watched, &end->watched_count);
	field_texts(fields, &end->uncalled, &end->uncalled_count);
}

/* As user/receive/ checks those that come from the kernel. */
bool chunk_is_sample(const struct mw_sample *record, size_t bytes)
{
	return bytes >= sizeof(*record) && bytes - sizeof(*record) <= MW_STACK_MOST &&
	       record->head.type == MW_RECORD_SAMPLE && record->head.bytes == bytes &&
	       record->stack_bytes == bytes - sizeof(*record) && record->kind &&
	       record->kind < MW_SAMPLE_KINDS && !(record->flags & ~MW_SAMPLE_FLAGS) &&
	       record->weight_ns <= record->head.at_ns && record->start_ns <= record->head.at_ns;
}
