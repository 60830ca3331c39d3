/* What processes that do not get on are waiting for. */
#ifndef VITRINE_STRESS_TELL_H
#define VITRINE_STRESS_TELL_H

#include <sys/types.h>

/* Prints state, place of waiting and kernel stack of each thread of the group's processes, as far
 * as /proc has them. */
void tell_group(pid_t group);

#endif
