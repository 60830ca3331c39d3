/// A misuse of locks, as it is reported.
#pragma once

#include "core/lock/validator.h"

namespace lockval {

struct Report {
    Misuse misuse = Misuse::None;
    const char* what = nullptr;   // one line
    const char* lock = nullptr;   // the lock it is about
    const char* other = nullptr;  // the other lock, or null
    Trace now = {};               // where it happened
    Trace before = {};            // where the other half of it was seen first
};

/// Who wants a report instead of a panic. The thread that misbehaved does not go on: its locks stay
/// taken, and `end_thread` ends it, interrupts on and nothing held any more.
struct Catcher {
    Report report;
    void (*end_thread)(Catcher& catcher) = nullptr;
};

/// Makes `catcher` (or nobody: null) the one who is told what the running task does wrong.
void catch_reports(Catcher* catcher);

/// Panics with the report, or tells the running task's catcher and ends the thread.
void deliver(const Report& report);

/// Prints a report with both stacks, symbolised.
void print(const Report& report);

/// The callers, from the caller of this function outwards.
void capture(Trace& trace);

/// False once something has been reported by a panic: then nothing is checked any more.
bool is_on();

/// What the running task holds; null before there are tasks.
TaskLocksChecked* task_locks();

}  // namespace lockval
