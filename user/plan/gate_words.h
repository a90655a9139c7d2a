/* SPDX-License-Identifier: GPL-2.0-only */
/* What a gate proves, and what stands beside it, as people read it. */
#ifndef PLAN_GATE_WORDS_H
#define PLAN_GATE_WORDS_H

#include "plan/gate_judge.h"

struct gate_words {
	const struct code_view *code;
	const struct size_graph *graph; /* of copies of all sizes */
	const enum gate_verdict *verdicts;
	const gate_constants *constants;
};

/* "jb 0x16da60: only copies of more than 2,112 bytes pass (threshold at 0x1f0a40); emulated" */
void gate_words_point(const struct gate_words *words, uint32_t node, char text[PLAN_REASON_BYTES]);
/* Why not the instructions before it and behind it. */
void gate_words_neighbours(const struct gate_words *words, uint32_t node,
			   char text[PLAN_REASON_BYTES]);
/* Why there is no gate: `way` is where those copies go. -ENOTSUP, as a rule; -ENOMEM */
int gate_words_refusal(const struct gate_words *words, const struct size_graph *way,
		       char text[PLAN_REASON_BYTES]);

#endif
