/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this process got from its parent and a launched command should get as it was: signals'
 * dispositions, the signal mask, the limit of open files.
 */
#ifndef TARGET_INHERITED_H
#define TARGET_INHERITED_H

/* First thing in main(): keeps it, then sets what memwatch itself needs. */
void inherited_keep(void);

/* In a child about to exec. Nothing where nothing was kept. */
void inherited_give_back(void);

#endif
