// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyse/histogram.h"

/* The class of a time, searched by the floors: each must hold exactly the times up to the next. */
static unsigned class_of(uint64_t ns)
{
	unsigned class = 0;

	while (class + 1 < MW_TIME_CLASSES && time_class_floor_ns(class + 1) <= ns)
		class ++;
	return class;
}

/* The arithmetic of bpf/maps.h: its header cannot be included on this side. */
static unsigned kernel_class_of(uint64_t ns)
{
	unsigned log = 0, class;

	if (ns < 16)
		return (unsigned)ns;
	while (ns >> (log + 1))
		log++;
	class = (log - 3) * 16 + (unsigned)(ns >> (log - 4) & 15);
	return class < MW_TIME_CLASSES ? class : MW_TIME_CLASSES - 1;
}

static void floors_match_the_kernels_classes(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 5000; ns++) {
		assert_int_equal(class_of(ns), kernel_class_of(ns));
		assert_int_equal(time_class_of_ns(ns), kernel_class_of(ns));
	}
	for (unsigned i = 0; i < MW_TIME_CLASSES; i++) {
		uint64_t floor_ns = time_class_floor_ns(i);

		assert_int_equal(kernel_class_of(floor_ns), i);
		assert_int_equal(time_class_of_ns(floor_ns), i);
		if (i + 1 < MW_TIME_CLASSES)
			assert_int_equal(kernel_class_of(time_class_floor_ns(i + 1) - 1), i);
	}
	assert_int_equal(time_class_floor_ns(MW_TIME_CLASSES), 1ull << 44);
	assert_int_equal(time_class_of_ns(UINT64_MAX), MW_TIME_CLASSES - 1);
}

static void percentile_of_nothing_is_zero(void **state)
{
	__u64 classes[MW_TIME_CLASSES] = {0};

	(void)state;
	assert_int_equal(time_classes_percentile_ns(classes, 0.5, 0), 0);
	assert_int_equal(time_classes_percentile_ns(classes, 0.5, 1000), 0);
}

static void percentiles_take_the_nearest_rank(void **state)
{
	__u64 classes[MW_TIME_CLASSES] = {0};

	(void)state;
	/* 98 times 5 ns, once 7 ns, once 9 ns: the 99th of 100 is 7. */
	classes[5] = 98;
	classes[7] = 1;
	classes[9] = 1;
	assert_int_equal(time_classes_percentile_ns(classes, 0.0, 0), 5);
	assert_int_equal(time_classes_percentile_ns(classes, 0.5, 0), 5);
	assert_int_equal(time_classes_percentile_ns(classes, 0.98, 0), 5);
	assert_int_equal(time_classes_percentile_ns(classes, 0.981, 0), 7);
	assert_int_equal(time_classes_percentile_ns(classes, 0.99, 0), 7);
	assert_int_equal(time_classes_percentile_ns(classes, 0.991, 0), 9);
	assert_int_equal(time_classes_percentile_ns(classes, 1.0, 0), 9);
	/* Of two, the first is the one that half do not exceed. */
	classes[5] = 0;
	assert_int_equal(time_classes_percentile_ns(classes, 0.5, 0), 7);
}

static void percentile_is_close_and_not_above_the_maximum(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < 1ull << 43; ns = ns * 3 + 1) {
		__u64 classes[MW_TIME_CLASSES] = {0};
		uint64_t shown, off;

		classes[kernel_class_of(ns)] = 1;
		shown = time_classes_percentile_ns(classes, 0.5, 0);
		off = shown > ns ? shown - ns : ns - shown;
		assert_true(off * 32 <= ns);
		assert_true(time_classes_percentile_ns(classes, 0.5, ns) <= ns);
	}
}

static void last_class_holds_all_that_is_longer(void **state)
{
	__u64 classes[MW_TIME_CLASSES] = {0};

	(void)state;
	classes[MW_TIME_CLASSES - 1] = 3;
	assert_true(time_classes_percentile_ns(classes, 1.0, 0) >=
		    time_class_floor_ns(MW_TIME_CLASSES - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floors_match_the_kernels_classes),
		cmocka_unit_test(percentile_of_nothing_is_zero),
		cmocka_unit_test(percentiles_take_the_nearest_rank),
		cmocka_unit_test(percentile_is_close_and_not_above_the_maximum),
		cmocka_unit_test(last_class_holds_all_that_is_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
