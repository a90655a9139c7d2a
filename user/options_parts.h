/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the command line's parser share; for options*.c alone. */
#ifndef OPTIONS_PARTS_H
#define OPTIONS_PARTS_H

#include <getopt.h>

#include "options.h"

/* getopt gave '?' or ':': says which word is no option, or lacks its value. */
void option_refuse(char *argv[], int given, const struct option *known);
/* 0 or -EINVAL, which was said. */
int option_time(const char *option, const char *text, uint64_t *ns);

/* The file of JSON and that of the report are two; false: they are not, which was said. */
bool options_part_files(const struct options *options);

/* `memwatch report FILE` and `memwatch diff SLOW FAST`; argv[0] is that word. */
enum options_result options_parse_report(int argc, char *argv[], struct options *options);

void options_help(void);

#endif
