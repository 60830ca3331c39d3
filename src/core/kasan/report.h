/// Reports of accesses that should not be.
#pragma once

#include "core/kasan/shadow.h"

namespace kasan {

/// What was done.
struct Access {
    const void* at;
    usize bytes;
    Kind kind;
    u64 caller;  // of the check: who did it
};

/// Tells it.
void report_access(const Access& access, const u8* first_bad);
/// The same for a free() of what is not there to be freed: "double-free", "invalid-free".
void report_free(const void* object, const char* kind, u64 caller);

/// How often something was reported, and what it was the last time: for tests.
struct Report {
    u64 count;
    const char* kind;
};
Report last_report();

/// While it lives, everything is reported, and the kernel is not tainted: bugs are planted.
class Planting {
public:
    Planting();
    ~Planting();
    Planting(const Planting&) = delete;
};

/// Set by those who know more: what lies at an address (mm/kasan), whose task this is (sched).
extern void (*describe_address)(const void* at);
struct TaskName {
    const char* comm;
    u32 pid;
};
extern TaskName (*current_task_name)();

/// Return addresses, innermost first, 0 behind the last.
inline constexpr usize kTraceDepth = 7;
using Trace = u64[kTraceDepth];
void capture(Trace& trace);
void print(const Trace& trace);

/// From now on is reported; the globals have their red zones.
void start();

}  // namespace kasan
