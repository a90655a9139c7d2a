// SPDX-License-Identifier: GPL-2.0-only
/*
 * One program serves every probe point; the point's cookie says what it is. One program means one
 * uprobe_multi link per file and process, which is what attaching and detaching cost. It is there
 * twice: the second, of links whose copies may get a return probe, is only loaded where the kernel
 * has such links (6.13).
 */
#include "copy.h"
#include "sample.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

static __always_inline void loader_emit(void)
{
	struct mw_loader *record = life_reserve(MW_RECORD_LOADER, sizeof(*record));

	if (record)
		bpf_ringbuf_submit(record, 0);
}

static __always_inline void tell_hit(void)
{
	struct mw_spending *record;

	if (!tell_next_hit || __sync_val_compare_and_swap(&tell_next_hit, 1, 0) != 1)
		return;
	record = life_reserve(MW_RECORD_SPENDING, sizeof(*record));
	if (record)
		bpf_ringbuf_submit(record, 0);
}

/* Puts the hit on the budget's bill, where it is one that the budget can do without. */
static __always_inline void charge(__u64 cookie, __u64 cost_ns)
{
	switch (MW_COOKIE_KIND(cookie)) {
	case MW_POINT_CALIBRATE: /* on nobody's, to cost the same */
		count_add(links[0].spent_ns, cost_ns);
		return;
	case MW_POINT_COPY:
	case MW_POINT_COPY_END:
		count_add(links[MW_COOKIE_LINK(cookie)].spent_ns, cost_ns);
		break;
	case MW_POINT_ENTRY:
	case MW_POINT_END:
	case MW_POINT_CALL:
		count_add(function_spent_ns[MW_COOKIE_INDEX(cookie) % MW_MAX_FUNCTIONS], cost_ns);
		break;
	case MW_POINT_CALLER:
		count_add(callers_spent_ns, cost_ns);
		return;
	default:
		return;
	}
	tell_hit();
}

static __always_inline void hit_count(const struct strand *strand, struct mw_totals *mine,
				      __u64 cookie, __u32 is_stepped)
{
	if (is_stepped) {
		strand->totals->stepped_hits++;
		count_add(mine->stepped_hits, 1);
	} else {
		strand->totals->cheap_hits++;
		count_add(mine->cheap_hits, 1);
	}
	charge(cookie, is_stepped ? stepped_ns : cheap_ns);
}

/* It costs the target all the same, and is one that the budget wanted to be rid of. */
static __always_inline void charge_retired(__u64 cookie)
{
	__u32 kind = MW_COOKIE_KIND(cookie);

	if (kind != MW_POINT_WRITE && kind != MW_POINT_LOADER)
		count_add(retired_spent_ns,
			  MW_COOKIE_FLAGS(cookie) & MW_POINT_STEPPED ? stepped_ns : cheap_ns);
}

/* False where it does not count. */
static __always_inline int hit_take(struct pt_regs *ctx, __u64 cookie, __u32 point_flags,
				    struct strand *strand, struct mw_totals **mine)
{
	*mine = totals_of(MW_COOKIE_KIND(cookie) == MW_POINT_CALIBRATE ? MW_TOTALS_CALIBRATION
								       : MW_TOTALS_TARGET);
	if (stopped || !*mine)
		return 0;
	if (!is_live(MW_COOKIE_LINK(cookie))) {
		charge_retired(cookie);
		return 0;
	}
	*strand = strand_of(ctx, point_flags);
	if (!strand->totals) {
		count_loss(strand->owner ? MW_LOSS_GOROUTINE : MW_LOSS_THREAD_STATE);
		return 0;
	}
	return 1;
}

static __always_inline void call_count(__u32 index)
{
	struct mw_function *function = bpf_map_lookup_elem(&functions, &index);

	if (function)
		count_add(function->calls, 1);
}

SEC("uprobe")
int probe_point(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 kind = MW_COOKIE_KIND(cookie);
	struct mw_totals *mine;
	struct strand strand;

	if (!hit_take(ctx, cookie, MW_COOKIE_FLAGS(cookie), &strand, &mine))
		return 0;
	hit_count(&strand, mine, cookie, MW_COOKIE_FLAGS(cookie) & MW_POINT_STEPPED);
	if (kind == MW_POINT_COPY || kind == MW_POINT_CALIBRATE)
		copy_count(ctx, &strand, mine, cookie, 0);
	else if (kind == MW_POINT_COPY_END)
		open_copy_end(strand.totals, mine, cookie, strand.sp);
	else if (kind == MW_POINT_WRITE)
		write_count(ctx, &strand, mine);
	else if (kind == MW_POINT_ENTRY)
		span_enter(ctx, &strand, cookie);
	else if (kind == MW_POINT_END)
		span_end(ctx, &strand, cookie);
	else if (kind == MW_POINT_CALL)
		call_count(MW_COOKIE_INDEX(cookie));
	else if (kind == MW_POINT_CALLER)
		caller_count(strand.totals, cookie);
	else if (kind == MW_POINT_LOADER)
		loader_emit();
	return 0;
}

/*
 * Of copies whose end may be seen: returns 1 where the kernel shall set no return probe. At a
 * call's return it runs again, with the instruction pointer where the call returns to and the stack
 * pointer above the return address.
 */
SEC("?uprobe")
int probe_session(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct mw_totals *mine;
	struct strand strand;

	/* Go's stacks move and its calls end on other threads: no session is ever put there. */
	if (!hit_take(ctx, cookie, 0, &strand, &mine))
		return 1;
	if (ctx->ip != bpf_get_func_ip(ctx)) {
		hit_count(&strand, mine, cookie, 0);
		open_copy_end(strand.totals, mine, cookie, strand.sp - sizeof(__u64));
		return 1;
	}
	hit_count(&strand, mine, cookie, MW_COOKIE_FLAGS(cookie) & MW_POINT_STEPPED);
	if (MW_COOKIE_FLAGS(cookie) & MW_POINT_GO)
		cookie &= ~MW_COOKIE(0, MW_POINT_TIMED, 0);
	return !copy_count(ctx, &strand, mine, cookie, 1);
}

SEC("perf_event")
int clock_ticked(struct bpf_perf_event_data *ctx)
{
	return sample_clock(ctx);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switched, int is_preempted, struct task_struct *task)
{
	if (!is_preempted && !stopped)
		sleep_count(task);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forked, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_pid = parent->tgid, child_pid = child->tgid;
	struct mw_watched no_probes = {.gate_bytes = MW_NO_GATE};
	struct mw_fork *record;

	/* A new thread has its creator's tgid and shares its probes. */
	if (!follow || stopped || child->pid != child->tgid || !watched_process(parent_pid))
		return 0;
	if (bpf_map_update_elem(&watched, &child_pid, &no_probes, BPF_ANY)) {
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
	__u32 pid = task->tgid;
	struct mw_watched *process = watched_process(pid);
	struct mw_strand *thread;
	struct mw_exec *record;

	if (stopped || !process)
		return 0;
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (thread) {
		strand_unfinish(thread);
		thread->writes = 0;
		thread->last_write_ns = 0;
		thread->write_return_addr = 0;
	}
	goroutines_end(pid);
	bpf_map_delete_elem(&copy_code, &pid);
	/* The new program's copies are counted once user space has planned for it. */
	process->gate_bytes = MW_NO_GATE;
	process->gate_step++;
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
	__u32 pid = task->tgid;
	struct mw_strand *thread;
	struct mw_exit *record;

	if (stopped)
		return 0;
	/* Before anything else: another thread may be the one that takes the process off `watched`.
	 */
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (thread)
		strand_unfinish(thread);
	/* do_exit() takes a thread off `live` before it comes here. Several may see it at 0. */
	if (task->signal->live.counter != 0)
		return 0;
	bpf_map_delete_elem(&copy_code, &pid);
	if (bpf_map_delete_elem(&watched, &pid))
		return 0;
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
