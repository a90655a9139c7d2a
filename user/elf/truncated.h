/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images are mappings of files that others own. Where an owner cuts one short, its pages are gone,
 * and to read them is SIGBUS.
 */
#ifndef ELF_TRUNCATED_H
#define ELF_TRUNCATED_H

/*
 * From now on such pages read as zeroes, in the whole process. Every reader of an image has to
 * live with any bytes, so it lives with these.
 */
void elf_survive_truncation(void);

#endif
