// SPDX-License-Identifier: GPL-2.0-only
/*
 * One program serves every probe point; the point's cookie says what it is. One program means one
 * uprobe_multi link per file and process, which is what attaching and detaching cost.
 */
#include "copy.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

static __always_inline void loader_emit(void)
{
	struct mw_loader *record = life_reserve(MW_RECORD_LOADER, sizeof(*record));

	if (record)
		bpf_ringbuf_submit(record, 0);
}

SEC("uprobe")
int probe_point(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 kind = MW_COOKIE_KIND(cookie);
	struct mw_totals *mine =
		totals_of(kind == MW_POINT_CALIBRATE ? MW_TOTALS_CALIBRATION : MW_TOTALS_TARGET);
	struct strand strand;

	if (stopped || !mine || !is_live(MW_COOKIE_LINK(cookie)))
		return 0;
	strand = strand_of(ctx, MW_COOKIE_FLAGS(cookie));
	if (!strand.totals) {
		count_loss(strand.owner ? MW_LOSS_GOROUTINE : MW_LOSS_THREAD_STATE);
		return 0;
	}
	if (MW_COOKIE_FLAGS(cookie) & MW_POINT_STEPPED) {
		strand.totals->stepped_hits++;
		count_add(mine->stepped_hits, 1);
	} else {
		strand.totals->cheap_hits++;
		count_add(mine->cheap_hits, 1);
	}
	if (kind == MW_POINT_COPY || kind == MW_POINT_CALIBRATE)
		copy_count(ctx, &strand, mine, cookie);
	else if (kind == MW_POINT_WRITE)
		write_count(ctx, &strand, mine);
	else if (kind == MW_POINT_ENTRY)
		span_enter(ctx, &strand, cookie);
	else if (kind == MW_POINT_END)
		span_end(ctx, &strand, cookie);
	else if (kind == MW_POINT_LOADER)
		loader_emit();
	return 0;
}

/* 0: it is not. */
static __always_inline __u32 watched_how(__u32 pid)
{
	__u32 *how = bpf_map_lookup_elem(&watched, &pid);

	return how ? *how : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forked, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_pid = parent->tgid, child_pid = child->tgid, value = WATCHED;
	struct mw_fork *record;

	/* A new thread has its creator's tgid and shares its probes. */
	if (!follow || stopped || child->pid != child->tgid || !watched_how(parent_pid))
		return 0;
	if (bpf_map_update_elem(&watched, &child_pid, &value, BPF_ANY)) {
		count_loss(MW_LOSS_LIFE);
		return 0;
	}
	record = life_reserve(MW_RECORD_FORK, sizeof(*record));
	if (!record)
		return 0;
	record->head.pid = parent_pid;
	record->child_pid = child_pid;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_execed, struct task_struct *task, int old_tid)
{
	__u32 pid = task->tgid, how = watched_how(pid), value = WATCHED;
	struct mw_strand *thread;
	struct mw_exec *record;

	if (stopped || !how)
		return 0;
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (thread) {
		span_unfinish_all(thread);
		thread->writes = 0;
		thread->last_write_ns = 0;
		thread->write_return_addr = 0;
	}
	if (how == WATCHED_WITH_GOROUTINES) {
		goroutines_end(pid);
		bpf_map_update_elem(&watched, &pid, &value, BPF_EXIST);
	}
	record = life_reserve(MW_RECORD_EXEC, sizeof(*record));
	if (!record)
		return 0;
	record->old_tid = old_tid;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exited, struct task_struct *task)
{
	__u32 pid = task->tgid, how;
	struct mw_strand *thread;
	struct mw_exit *record;

	if (stopped)
		return 0;
	/* Before anything else: another thread may be the one that takes the process off `watched`.
	 */
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (thread)
		span_unfinish_all(thread);
	/* do_exit() takes a thread off `live` before it comes here. Several may see it at 0. */
	if (task->signal->live.counter != 0)
		return 0;
	how = watched_how(pid);
	if (bpf_map_delete_elem(&watched, &pid))
		return 0;
	if (how == WATCHED_WITH_GOROUTINES)
		goroutines_end(pid);
	record = life_reserve(MW_RECORD_EXIT, sizeof(*record));
	if (!record)
		return 0;
	record->cpu_ns = task->signal->sum_sched_runtime + task->se.sum_exec_runtime;
	if (task->group_leader != task)
		record->cpu_ns += task->group_leader->se.sum_exec_runtime;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* Read at the end, for the calls that are still open: prints a mw_strand_line per known thread. */
SEC("iter/task")
int thread_lines(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mw_strand_line line = {};
	struct mw_strand *thread;

	if (!task)
		return 0;
	thread = bpf_task_storage_get(&threads, task, 0, 0);
	if (!thread)
		return 0;
	line.pid = task->tgid;
	line.tid = task->pid;
	bpf_probe_read_kernel_str(line.comm, sizeof(line.comm), task->comm);
	line.strand = *thread;
	bpf_seq_write(ctx->meta->seq, &line, sizeof(line));
	return 0;
}
