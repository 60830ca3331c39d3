/* Between a step's process and the program that starts it. */
#ifndef VITRINE_SCARCE_OUTCOME_H
#define VITRINE_SCARCE_OUTCOME_H

/* A step's exit code. */
enum outcome { kSomethingFailed, kWrong, kUnarmed, kNothingFailed };

/* From now on the nth allocation on behalf of this process fails; 0: none. */
void expect_chance(void);
void arm(long nth);

#endif
