/* Workers seen from above: begun, watched, ended, judged. */
#ifndef VITRINE_STRESS_SUPERVISOR_H
#define VITRINE_STRESS_SUPERVISOR_H

#include "stress/stress.h"

#define MAX_WORKERS 64

/* Memory that workers and supervisor share. False: there is none. */
bool lay_boards(void);

/* Forks a worker; see struct work. The most are MAX_WORKERS, further ones are not begun. */
void start_worker(const struct kind* kind, unsigned number, uint64_t seed, uint64_t first,
                  uint64_t rounds);

#define WARM_UP UINT64_MAX /* seconds: until each has done its rounds */

/* Lets the workers work for so many seconds, or until they have done their rounds, then has them
 * end after the round that they are in; prints how it goes. A lost invariant, a worker that dies
 * and one that does not get on end it at once, with a line that says how to repeat it. The number
 * of those. */
unsigned supervise(uint64_t seconds);

struct sums {
    uint64_t operations, rounds;
};
/* What all workers have done, each kind's line printed. */
struct sums tell_sums(void);

#endif
