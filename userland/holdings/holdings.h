/* What the kernel owns, before and after: for programs that load it and shall leave nothing behind.
 *
 *     if (!is_vitrine()) ...            Linux does not tell enough to be judged so
 *     use_what_is_kept();               once: what the kernel never gives back
 *     remember_holdings();
 *     ... the load ...
 *     return report_leaks();
 *
 * Pages, slab objects and tasks are counted, from /proc; as root, for slabinfo and drop_caches. */
#ifndef VITRINE_HOLDINGS_H
#define VITRINE_HOLDINGS_H

#include <stdbool.h>

/* The kernel is ours: /proc/version says so. */
bool is_vitrine(void);
/* Page tables of the kernel's own addresses are never given back, nor are ptys: makes it own at
 * once all that it will ever have. */
void use_what_is_kept(void);
/* Remembers what the kernel owns now. */
void remember_holdings(void);
/* Prints a line "leak: ..." for each thing of which it owns more than then, waiting up to five
 * seconds for it to settle; the number of lines. */
int report_leaks(void);
/* Kills every process that runs the caller's program, but the caller and its parent. */
void kill_stragglers(void);

#endif
