// SPDX-License-Identifier: GPL-2.0-only
#include "options_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { OPT_JSON = 256, OPT_MIN_TIME };

static const struct option report_options[] = {
	{"json", required_argument, NULL, OPT_JSON},
	{"min-time", required_argument, NULL, OPT_MIN_TIME},
	{"output", required_argument, NULL, 'o'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* 0 or -EINVAL, which was said. */
static int apply(struct options *options, int option, char *argv[])
{
	switch (option) {
	case OPT_JSON:
		options->json_path = optarg;
		return 0;
	case OPT_MIN_TIME:
		options->min_time_is_set = true;
		return option_time("min-time", optarg, &options->min_time_ns);
	case 'o':
		options->out_path = optarg;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	}
	option_refuse(argv, option, report_options);
	return -EINVAL;
}

static bool take_recordings(struct options *options, int argc, char *argv[])
{
	bool is_diff = options->mode == MODE_DIFF;
	int wanted = is_diff ? 2 : 1;

	if (argc - optind != wanted) {
		log_error("%s: %s; see --help", argv[0],
			  is_diff ? "name two recordings, as in memwatch diff SLOW FAST"
				  : "name one recording, as in memwatch report FILE");
		return false;
	}
	for (int i = 0; i < wanted; i++)
		options->recordings[i] = argv[optind + i];
	return true;
}

enum options_result options_parse_report(int argc, char *argv[], struct options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, ":o:qvh", report_options, NULL)) != -1) {
		if (option == 'h') {
			options_help();
			return OPTIONS_DONE;
		}
		if (apply(options, option, argv))
			return OPTIONS_WRONG;
	}
	return take_recordings(options, argc, argv) && options_part_files(options) ? OPTIONS_RUN
										   : OPTIONS_WRONG;
}
