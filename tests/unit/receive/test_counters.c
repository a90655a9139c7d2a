// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "receive/receive.h"

/* A map as the BPF programs have it. Only root may make one; without, the test is skipped. */
static int make_map(enum bpf_map_type type, size_t key_bytes, size_t value_bytes, unsigned entries)
{
	int fd = bpf_map_create(type, "unit_test", (uint32_t)key_bytes, (uint32_t)value_bytes,
				entries, NULL);

	if (fd < 0 && errno == EPERM)
		skip();
	assert_true(fd >= 0);
	return fd;
}

static void functions_come_in_their_order(void **state)
{
	int fd = make_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct mw_function),
			  MW_MAX_FUNCTIONS);
	struct mw_function *functions = calloc(MW_MAX_FUNCTIONS, sizeof(*functions));
	struct mw_function function = {0};

	(void)state;
	assert_non_null(functions);
	for (uint32_t i = 0; i < MW_MAX_FUNCTIONS; i++) {
		function.calls = i + 1;
		function.time_classes[MW_TIME_CLASSES - 1] = 1000 + i;
		assert_int_equal(bpf_map_update_elem(fd, &i, &function, BPF_ANY), 0);
	}
	assert_int_equal(counters_read_functions(fd, functions, MW_MAX_FUNCTIONS), 0);
	for (size_t i = 0; i < MW_MAX_FUNCTIONS; i++) {
		assert_int_equal(functions[i].calls, i + 1);
		assert_int_equal(functions[i].time_classes[MW_TIME_CLASSES - 1], 1000 + i);
	}
	assert_int_equal(counters_read_functions(-1, functions, 1), -EBADF);
	free(functions);
	close(fd);
}

/* All add up but the largest copy, which is the largest of any CPU. */
static void read_totals(int largest_cpu)
{
	int fd = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(struct mw_totals),
			  MW_TOTALS_KINDS);
	int cpus = libbpf_num_possible_cpus();
	uint32_t target = MW_TOTALS_TARGET, calibration = MW_TOTALS_CALIBRATION;
	struct mw_totals totals, *per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	uint64_t sum = (uint64_t)cpus * ((uint64_t)cpus + 1) / 2;

	assert_non_null(per_cpu);
	memset(per_cpu, 0xee, (size_t)cpus * sizeof(*per_cpu));
	assert_int_equal(bpf_map_update_elem(fd, &calibration, per_cpu, BPF_ANY), 0);
	for (int i = 0; i < cpus; i++) {
		uint64_t *words = (uint64_t *)&per_cpu[i];

		for (size_t word = 0; word < sizeof(*per_cpu) / sizeof(*words); word++)
			words[word] = (uint64_t)i + 1;
		per_cpu[i].largest_copy_bytes = i == largest_cpu ? 5000 : 40;
	}
	assert_int_equal(bpf_map_update_elem(fd, &target, per_cpu, BPF_ANY), 0);
	memset(&totals, 0xdd, sizeof(totals));
	assert_int_equal(counters_read_totals(fd, &totals), 0);
	assert_int_equal(totals.largest_copy_bytes, 5000);
	assert_int_equal(totals.copies_by_class[0], sum);
	assert_int_equal(totals.bytes_by_class[MW_SIZE_CLASSES - 1], sum);
	assert_int_equal(totals.large_copies, sum);
	assert_int_equal(totals.timed_copies, sum);
	assert_int_equal(totals.timed_bytes, sum);
	assert_int_equal(totals.copy_ns, sum);
	assert_int_equal(totals.writes, sum);
	assert_int_equal(totals.losses[MW_LOSS_KINDS - 1], sum);
	assert_int_equal(totals.write_gap_classes[MW_TIME_CLASSES - 1], sum);
	assert_int_equal(counters_read_totals(-1, &totals), -EBADF);
	free(per_cpu);
	close(fd);
}

static void totals_are_of_all_cpus(void **state)
{
	(void)state;
	read_totals(0);
	read_totals(libbpf_num_possible_cpus() - 1);
}

static void every_open_span_is_read_once(void **state)
{
	enum { SPANS = 100 };
	int fd = make_map(BPF_MAP_TYPE_HASH, sizeof(struct mw_span_key),
			  sizeof(struct mw_open_span), SPANS);
	bool seen[SPANS] = {false};
	open_span_list spans = {0};
	struct open_span *read;

	(void)state;
	assert_int_equal(counters_read_open_spans(fd, &spans), 0);
	assert_int_equal(spans.count, 0);
	for (uint32_t i = 0; i < SPANS; i++) {
		struct mw_span_key key = {.sp = 0x7ffe0000 + i, .id = i, .function = 1};
		struct mw_open_span span = {.start_ns = 1000 + i, .pid = i};

		assert_int_equal(bpf_map_update_elem(fd, &key, &span, BPF_ANY), 0);
	}
	assert_int_equal(counters_read_open_spans(fd, &spans), 0);
	assert_int_equal(spans.count, SPANS);
	array_each (read, &spans) {
		assert_true(read->key.id < SPANS);
		assert_false(seen[read->key.id]);
		seen[read->key.id] = true;
		assert_int_equal(read->key.sp, 0x7ffe0000 + read->key.id);
		assert_int_equal(read->span.start_ns, 1000 + read->key.id);
		assert_int_equal(read->span.pid, read->key.id);
	}
	array_release(&spans);
	close(fd);
}

static void goroutines_are_read_with_their_process(void **state)
{
	int fd = make_map(BPF_MAP_TYPE_HASH, sizeof(struct mw_goroutine), sizeof(struct mw_strand),
			  10);
	strand_line_list strands = {0};
	struct mw_strand_line *line;
	uint64_t copies = 0;

	(void)state;
	for (uint32_t pid = 1; pid <= 2; pid++) {
		struct mw_goroutine mark = {.pid = pid};
		struct mw_strand none = {0};

		assert_int_equal(bpf_map_update_elem(fd, &mark, &none, BPF_ANY), 0);
		for (uint64_t g_addr = 0xc000000000; g_addr < 0xc000000003; g_addr++) {
			struct mw_goroutine key = {.g_addr = g_addr, .pid = pid};
			struct mw_strand strand = {.copies = pid << (4 * (g_addr & 3))};

			assert_int_equal(bpf_map_update_elem(fd, &key, &strand, BPF_ANY), 0);
		}
	}
	assert_int_equal(counters_read_goroutines(fd, &strands), 0);
	assert_int_equal(strands.count, 6);
	array_each (line, &strands) {
		assert_int_equal(line->strand.copies, line->pid << (4 * (line->owner & 3)));
		assert_int_equal(line->tid, 0);
		copies += line->strand.copies;
	}
	assert_int_equal(copies, 0x333);
	array_release(&strands);
	close(fd);
}

static void threads_need_an_iterator(void **state)
{
	strand_line_list threads = {0};

	(void)state;
	assert_int_equal(counters_read_threads(-1, &threads), -EOPNOTSUPP);
	assert_int_equal(threads.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_come_in_their_order),
		cmocka_unit_test(totals_are_of_all_cpus),
		cmocka_unit_test(every_open_span_is_read_once),
		cmocka_unit_test(goroutines_are_read_with_their_process),
		cmocka_unit_test(threads_need_an_iterator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
