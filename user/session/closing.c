// SPDX-License-Identifier: GPL-2.0-only
#include "session/closing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "target/process.h"
#include "choose/wrong_place.h"

static int read_counters(const struct session_settings *settings, struct run_end *end)
{
	struct tracer_outlets outlets = tracer_outlets(settings->tracer);
	int err = counters_read_functions(outlets.functions_map_fd, end->functions,
					  settings->watchlist->function_count);

	end->costs = spending_costs(settings->tracer);
	end->sample_ns = tracer_costs(settings->tracer).tick_ns;
	return err ? err : counters_read_totals(outlets.totals_map_fd, &end->totals);
}

void closing_show_live(const struct session_settings *settings, struct telling *telling,
		       uint64_t wall_ns)
{
	struct run_end *so_far = calloc(1, sizeof(*so_far));

	if (so_far && !read_counters(settings, so_far)) {
		so_far->wall_ns = wall_ns;
		telling_live(telling, so_far);
	}
	free(so_far);
}

/* ---- names that never came ---- */

/* Three names of templates are long. */
#define ABSENCE_BYTES 1000

/* What a module that the pattern speaks of has instead of the name. */
struct instead {
	elf_near_names nearest;
	elf_hosts hosts;
	const struct elf_symbol *part;  /* all that gcc left of it */
	const struct module *elsewhere; /* has it, but is not of the library that was named */
	const struct module *stripped;  /* the first that may have it, without its names */
};

static bool has_name(const struct module *module, const char *name)
{
	elf_symbols found = {0};
	bool has = !elf_find_written(module->image, name, &found) && found.count;

	array_release(&found);
	return has;
}

static bool look_for_instead(const struct pattern *pattern, const struct modules *modules,
			     struct instead *instead)
{
	const struct module *first = NULL;
	struct module **module;
	bool has_file = false;

	array_each (module, &modules->all) {
		bool is_meant = pattern_takes_file(pattern, (*module)->path);

		has_file |= is_meant;
		if (pattern->kind != PATTERN_NAME || !(*module)->image)
			continue;
		if (!is_meant) {
			if (!instead->elsewhere && has_name(*module, pattern->symbol))
				instead->elsewhere = *module;
			continue;
		}
		/* The first is the program itself, whose names are meant as a rule. */
		if (!first && elf_is_stripped((*module)->image))
			instead->stripped = *module;
		first = first ? first : *module;
		/* A name is close where at most a third of it would have to change. */
		elf_nearest_names((*module)->image, pattern->symbol,
				  (unsigned)(strlen(pattern->symbol) / 3), 3, &instead->nearest);
		/* For the other roles, the matching has searched. */
		if (pattern->role == ROLE_COPY)
			elf_inlined_into((*module)->image, pattern->symbol, &instead->hosts);
		if (!instead->part)
			instead->part = elf_find_split_part((*module)->image, pattern->symbol);
	}
	return has_file;
}

/* The first module is the program itself, whose addresses are meant as a rule. */
static void describe_no_place(const struct pattern *pattern, const struct modules *modules,
			      char *text, size_t text_bytes)
{
	char hint[128] = "";
	struct module **module;

	array_each (module, &modules->all) {
		if (!(*module)->image)
			continue;
		wrong_place_hint(*module, pattern->text, pattern->place, hint, sizeof(hint));
		break;
	}
	snprintf(text, text_bytes, "; no file's code is mapped there%s",
		 *hint ? hint : ": for a place in a file, give LIB:+OFF");
}

/* What to call a pattern that has no match. */
static const char *thing_named(const struct pattern *pattern)
{
	return pattern->kind == PATTERN_NAME ? "function" : "code at";
}

static void describe_absence(const struct pattern *pattern, const struct modules *modules,
			     char *text, size_t text_bytes)
{
	struct instead instead = {0};
	bool has_file = look_for_instead(pattern, modules, &instead);
	bool is_explained = instead.hosts.count || instead.part || instead.elsewhere;
	const struct elf_near_name *near;
	const struct elf_host *host;

	*text = '\0';
	if (pattern->kind == PATTERN_ADDR)
		describe_no_place(pattern, modules, text, text_bytes);
	if (!has_file && pattern->lib)
		snprintf(text, text_bytes, "; no mapped file is called %s", pattern->lib);
	if (instead.elsewhere)
		text_list_add(text, text_bytes, "; it is in ", instead.elsewhere->path);
	if (instead.part)
		text_list_add(text, text_bytes,
			      "; only a part of it has code of its own: ", instead.part->name);
	array_each (host, &instead.hosts)
		text_list_add(text, text_bytes, "; the compiler inlined it into ", host->name);
	array_each (near, &instead.nearest) {
		if (!is_explained)
			text_list_add(text, text_bytes, "; closest: ", near->name);
	}
	if (!is_explained && !instead.nearest.count && instead.stripped)
		snprintf(text, text_bytes,
			 "; %.200s is stripped: install its debug symbols, or give LIB:+OFF or "
			 "0xADDR",
			 instead.stripped->path);
	elf_near_names_release(&instead.nearest);
	array_release(&instead.hosts);
}

void closing_warn_pending(struct watchlist *watchlist, const struct modules *modules)
{
	char text[ABSENCE_BYTES];
	struct pattern *pattern;

	array_each (pattern, &watchlist->patterns) {
		if (pattern->matches || pattern->warned)
			continue;
		pattern->warned = true;
		if (*pattern->refused) {
			log_warning("%s", pattern->refused);
			continue;
		}
		describe_absence(pattern, modules, text, sizeof(text));
		log_note("no %s '%.200s' yet%s; waiting in case it is loaded later",
			 thing_named(pattern), pattern->text, text);
	}
}

int closing_report_absent(const struct watchlist *watchlist, const struct modules *modules)
{
	const struct pattern *pattern;
	char text[ABSENCE_BYTES];
	int err = 0;

	array_each (pattern, &watchlist->patterns) {
		if (pattern->matches)
			continue;
		err = -ENOENT;
		if (*pattern->refused) {
			log_error("%s", pattern->refused);
			continue;
		}
		describe_absence(pattern, modules, text, sizeof(text));
		log_error("no %s '%.200s' came in any watched process%s", thing_named(pattern),
			  pattern->text, text);
	}
	return err;
}

/* ---- calls that are still open ---- */

static const struct mw_strand_line *strand_of(const strand_line_list *strands,
					      const struct mw_span_key *key)
{
	const struct mw_strand_line *line;

	array_each (line, strands) {
		if (line->owner == key->owner && (line->owner ? line->pid : line->tid) == key->id)
			return line;
	}
	return NULL;
}

static bool same_key(const struct mw_span_key *a, const struct mw_span_key *b)
{
	return a->sp == b->sp && a->owner == b->owner && a->id == b->id &&
	       a->function == b->function;
}

static const struct open_span *open_span_of(const open_span_list *spans,
					    const struct mw_span_key *key)
{
	const struct open_span *span;

	array_each (span, spans) {
		if (same_key(&span->key, key))
			return span;
	}
	return NULL;
}

/* A call is open if its strand's chain of open calls leads to it; else it was left long ago. */
static bool is_on_chain(const struct open_span *span, const struct mw_strand_line *strand,
			const open_span_list *spans)
{
	const struct mw_span_key *key = strand ? &strand->strand.top : NULL;
	size_t steps = 0;

	while (key && key->function && steps++ < spans->count) {
		const struct open_span *open;

		if (same_key(key, &span->key))
			return true;
		open = open_span_of(spans, key);
		key = open ? &open->span.outer : NULL;
	}
	return false;
}

static void close_open_spans(const struct session_settings *settings, struct run_end *end,
			     struct telling *telling)
{
	struct tracer_outlets outlets = tracer_outlets(settings->tracer);
	struct watchlist *watchlist = settings->watchlist;
	uint64_t now_ns = clock_monotonic_ns();
	strand_line_list strands = {0};
	open_span_list spans = {0};
	struct open_span *open;
	bool chains_known;

	if (counters_read_open_spans(outlets.open_spans_map_fd, &spans))
		log_warning("calls that are still open could not be read");
	chains_known = !counters_read_threads(outlets.thread_lines_link_fd, &strands) &&
		       !counters_read_goroutines(outlets.goroutines_map_fd, &strands);
	array_each (open, &spans) {
		unsigned index = open->key.function - 1;
		const struct mw_strand_line *strand = strand_of(&strands, &open->key);
		struct mw_watched gate;
		bool has_gate;
		struct flush flush;

		if (index >= watchlist->function_count)
			continue;
		/* The budget took its probes, or its code or process is gone. */
		if (!probe_link_is_live(settings->tracer, open->span.link)) {
			end->functions[index].cut_off++;
			continue;
		}
		if (chains_known && !is_on_chain(open, strand, &spans)) {
			end->functions[index].abandoned++;
			continue;
		}
		end->functions[index].unfinished++;
		has_gate = tracer_read_gate(settings->tracer, (pid_t)open->span.pid, &gate);
		flush = flush_from_open_span(&open->key, &open->span, strand,
					     has_gate ? &gate : NULL, now_ns,
					     &watchlist->functions[index], &end->costs);
		if (flush.goroutine_addr)
			process_comm(flush.pid, flush.comm);
		if (flush.duration_ns >= settings->header->min_time_ns)
			telling_flush(telling, index, &flush);
	}
	array_release(&strands);
	array_release(&spans);
}

/* ---- the summary ---- */

typedef ARRAY(char *) word_list;

struct names {
	word_list watched;
	word_list uncalled;
};

static int list_name(word_list *words, const struct symbol_name *name)
{
	char *text, **known;

	if (asprintf(&text, "%s in %s", name->function, name->module) < 0)
		return -ENOMEM;
	/* What --flush and --copy both name. */
	array_each (known, words) {
		if (!strcmp(*known, text)) {
			free(text);
			return 0;
		}
	}
	if (!array_push(words, text))
		return 0;
	free(text);
	return -ENOMEM;
}

/* What the summary is to say of the names that the user gave; borrowed from the lists. */
static void fill_names(const struct watchlist *watchlist, const struct names *names,
		       struct run_end *end)
{
	end->watched = (const char *const *)names->watched.items;
	end->watched_count = names->watched.count;
	end->uncalled = (const char *const *)names->uncalled.items;
	end->uncalled_count = names->uncalled.count;
	end->is_copies_only = !watchlist_has_role(watchlist, ROLE_FLUSH);
	end->writes_function = watchlist_writes_name(watchlist);
}

/* Of what is no longer counted, nobody knows. */
static bool is_uncalled(const struct symbol_name *name, const struct mw_function *function)
{
	return !function->calls && !name->unseen_starts && name->watch != WATCH_DROPPED;
}

static int list_names(const struct watchlist *watchlist, const struct run_end *end,
		      struct names *names)
{
	const struct symbol_name *routine;
	int err = 0;

	for (size_t i = 0; !err && i < watchlist->function_count; i++) {
		const struct symbol_name *name = &watchlist->functions[i];

		if (!watchlist->is_watched[i])
			continue;
		err = list_name(&names->watched, name);
		if (!err && is_uncalled(name, &end->functions[i]))
			err = list_name(&names->uncalled, name);
	}
	array_each (routine, &watchlist->routines) {
		if (!err)
			err = list_name(&names->watched, routine);
	}
	return err;
}

static void release_words(word_list *words)
{
	char **word;

	array_each (word, words)
		free(*word);
	array_release(words);
}

static void fill_processes(const struct processes *processes, struct run_end *end)
{
	end->target_cpu_ns = processes_cpu_ns(processes);
	end->processes_seen = processes->seen;
	end->processes_watched = processes->watched;
	end->worst_unwatched_ns = processes->worst_unwatched_ns;
}

int closing_report(const struct session_settings *settings, struct processes *processes,
		   struct receiver *receiver, struct telling *telling,
		   const struct spending *spending, struct sampling *sampling, uint64_t start_ns)
{
	struct run_end *end = calloc(1, sizeof(*end));
	struct names names = {0};
	int err = -ENOMEM;

	if (!end)
		goto out;
	tracer_stop_counting(settings->tracer);
	while (receiver_drain(receiver))
		;
	processes_give_up_due(processes);
	err = read_counters(settings, end);
	if (err)
		goto out;
	close_open_spans(settings, end, telling);
	end->malformed = receiver_malformed(receiver);
	end->at_ns = clock_monotonic_ns();
	end->wall_ns = end->at_ns - start_ns;
	fill_processes(processes, end);
	spending_summarize(spending, end);
	end->switching_ns = sampling_switching_ns(sampling, end->totals.switches);
	err = list_names(settings->watchlist, end, &names);
	if (err)
		goto out;
	fill_names(settings->watchlist, &names, end);
	err = telling_end(telling, end);
	if (!err)
		err = closing_report_absent(settings->watchlist, &processes->modules);
out:
	if (err && err != -ENOENT)
		log_error("no summary: %s", strerror(-err));
	release_words(&names.watched);
	release_words(&names.uncalled);
	free(end);
	return err;
}
