/* scarce: a fixed workload of which every allocation that the kernel makes for it fails once.
 *
 * A step does a handful of related calls. For n = 1, 2, 3 ... a child of its own asks the kernel
 * that its n-th allocation fails (/proc/self/fail-nth, a debug kernel) and does the step, until
 * nothing has failed any more. What the kernel says to that must be one of a few errnos, or nothing
 * at all; afterwards it owns nothing more than before. */
#ifndef VITRINE_SCARCE_H
#define VITRINE_SCARCE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- steps: one table for each file of them, with an end of zeros -------------------------------
 */

struct step {
    const char* name;
    void (*run)(void);
};
extern const struct step kTaskSteps[], kMemorySteps[], kFileSteps[], kWaitSteps[], kShownSteps[];

/* The result of a call. -1: the step ends here; well if the errno says that there was no memory,
 * and the kernel says that an allocation has failed. */
long tried(long result, const char* file, int line, const char* what);
#define TRIED(call) tried((long)(call), __FILE__, __LINE__, #call)
/* The same for functions that return an errno, and for those that return null. */
void tried_error(int error, const char* file, int line, const char* what);
#define TRIED_ERROR(call) tried_error(call, __FILE__, __LINE__, #call)
void* tried_pointer(void* pointer, const char* file, int line, const char* what);
#define TRIED_POINTER(call) tried_pointer(call, __FILE__, __LINE__, #call)
#define TRIED_MAP(call) tried_pointer(mapped(call), __FILE__, __LINE__, #call)
void* mapped(void* result);

/* --- what runs them: main.c ------------------------------------------------------------------- */

/* Ends the step's process: what failed is told by the exit code. */
_Noreturn void end_step(void);
/* The descriptor of fail-nth, for a program that goes on after exec. */
int fail_nth_file(void);
/* In a program that exec'd: goes on with that descriptor. */
void use_fail_nth_file(int file);

#endif
