/// Programs that the grader runs: up to four at once, each with pipes and a guest-time limit.
///
/// Everything is non-blocking and driven by the agent's poll loop. A slot is free, running, or
/// ended with output still to deliver; jobs_report() frees it when all is delivered.
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { kJobs = 4, kPollPerJob = 3, kStageSize = 65536 };

/// How EXEC wants a program started; the strings lie NUL-ended one after the other.
typedef struct {
    uint16_t flags;
    uint64_t limit_ns;
    uint16_t argc, envc;
    const char* text;
    uint32_t text_length;
    const uint8_t* input;
    uint32_t input_length;
} JobSpec;

enum { kJobBackPressure = 1 };

/// Sets up SIGCHLD; returns the descriptor that becomes readable when a child ended, or -1.
int jobs_init(void);

/// Starts a program. Returns 0 and the slot and pid, or an errno: EAGAIN no free slot, EINVAL
/// the strings do not match the counts, else of fork, pipe or exec.
int jobs_start(const JobSpec* spec, int* slot, int* pid);

/// Fills `polls` (kJobs * kPollPerJob entries) with what the jobs wait for; returns the count.
/// Lowers *timeout_ns to the next deadline.
int jobs_poll_set(struct pollfd* polls, int64_t* timeout_ns);

/// Moves input and output, reaps children, enforces limits. Call after every poll.
void jobs_turn(void);

/// 1 if JOB should answer now: there is output, it has ended, or no such job exists.
int jobs_ready(unsigned slot);

/// Writes JOB's answer (at most `max` bytes of output) and takes that output out of the rings.
/// Returns 0, or ESRCH when the slot is free.
int jobs_report(unsigned slot, uint16_t max, Writer* out);

/// Signals the job's process group. Returns 0, ESRCH or kill's errno.
int jobs_kill(unsigned slot, int signal_number);

/// SIGKILL to all, slots freed; for a new session.
void jobs_forget_all(void);

uint64_t monotonic_ns(void);
