/// What the parts of the benchmark share: an operation is a name, a number of repetitions and a
/// function that does it that often. Everything that it needs first is set up by `prepare`, which
/// is not measured. Each operation runs in a process of its own, once to warm up, then measured.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char* name;
    unsigned count;
    void (*run)(unsigned count);
    void (*prepare)(unsigned count);  // NULL: nothing to set up
} Operation;

/// The operations of each part, ended by one without a name.
extern const Operation kCallOperations[];     // calls.c: cheap calls, files, signals
extern const Operation kTimerOperations[];    // timers.c
extern const Operation kMemoryOperations[];   // memory.c
extern const Operation kProcessOperations[];  // processes.c: fork, exec, switches, pipes
extern const Operation kPartnerOperations[];  // partners.c: ping-pong, threads, events
extern const Operation kCrowdOperations[];    // crowds.c: switches among many tasks

/// The programs that the exec operations start; they end at once: one without a libc, one with
/// glibc inside, one with glibc as a shared library.
#define TINY "/tiny"
#define STATIC "/static"
#define DYNAMIC "/dynamic"

/// Ends the process with a message: a benchmark that does not do its work has no result.
_Noreturn void fail(const char* what);

/// Fails unless `value` is what `what` must give.
static inline void must_be(long value, long wanted, const char* what) {
    if (value != wanted) fail(what);
}
