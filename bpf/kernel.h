/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that the programs read, with just the fields that they read: CO-RE finds
 * the real offsets when the object is loaded, so no vmlinux.h has to be generated where it is
 * built.
 */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct atomic_counter {
	int counter;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct signal_struct {
	struct atomic_counter live;
	unsigned long long sum_sched_runtime;
};

struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct uprobes_state uprobes_state;
};

struct task_struct {
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct sched_entity se;
	unsigned long nvcsw;
	unsigned long nivcsw;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	char comm[16];
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
};

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* x86-64's registers at a uprobe: the user-visible part of the layout is ABI, so no CO-RE. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

/* A clock's tick: the registers of what it interrupted, the kernel's or the program's. */
struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
