/// What locks tell the validator of a debug build. In other builds all this is nothing at all.
///
/// The validator (core/validator) learns from what locks are taken in which order and in which
/// context, and finds what *could* go wrong, though it does not just then: two orders of two
/// locks, a lock that an interrupt handler takes and somebody else holds with interrupts on,
/// sleeping where one may not, and locks that are forgotten. See there for the rules.
#pragma once

#include <type_traits>

#include "core/lock/lock_stat.h"
#include "lib/debug.h"

namespace lockval {

using Kind = lock_stat::Kind;
enum class Mode : u8 { Exclusive, Shared };
enum class Wait : u8 { Waits, Tries };

/// What is wrong.
enum class Misuse : u8 {
    None,
    Order,          // taken in the opposite order elsewhere
    IrqUnsafe,      // interrupt handlers take it, and it is held with interrupts on
    SoftirqUnsafe,  // the same with softirqs
    Sleep,          // sleeping where one may not
    NotHeld,        // released, but not held by this task
    Twice,          // taken twice, or two of a class without saying so
    Leak,           // still held at the end of a system call or a thread
    Rank,           // a spin lock taken against core/lock/rank.h
};

struct Catcher;

inline constexpr usize kTraceDepth = 8;
using Trace = u64[kTraceDepth];  // return addresses, innermost first; 0 behind the last

/// One lock that a task holds.
struct HeldLock {
    const void* lock;
    u16 klass;
    Mode mode;
    u8 level;  // 0: taken by the task itself, 1: in a softirq, 2: in an interrupt
    u64 since_ns;
    Trace trace;
};

struct TaskLocksChecked {
    static constexpr u32 kMax = 32;
    HeldLock held[kMax];
    u32 count = 0;
    Catcher* catcher = nullptr;  // a test that wants to be told instead of a panic
};
struct TaskLocksUnchecked {};

/// A task's part of it.
using TaskLocks = std::conditional_t<kDebugBuild, TaskLocksChecked, TaskLocksUnchecked>;

/// A lock that is about to be taken; if it is tried only, that has been taken.
struct Taking {
    const void* lock;
    const char* name;
    Kind kind;
    Mode mode = Mode::Exclusive;
    Wait wait = Wait::Waits;
    u8 subclass = 0;
};

// core/validator defines these.
void check_taking(const Taking& taking);
void note_taken(const void* lock);
void check_release(const void* lock, const char* name);
void forget(const void* lock);
void check_may_sleep(const char* what);
void check_none_held(const char* when);
void switch_tasks(TaskLocks* from, TaskLocks& to);
/// If a test waits for it, tells it and does not return; else does nothing.
void tell_catcher(Misuse misuse, const char* what, const char* lock);

[[gnu::always_inline]] inline void acquire(const Taking& taking) {
    if constexpr (kDebugBuild) check_taking(taking);
}
/// The lock that acquire() announced has been got.
[[gnu::always_inline]] inline void acquired(const void* lock) {
    if constexpr (kDebugBuild) note_taken(lock);
}
/// Or it has not: a signal came first.
[[gnu::always_inline]] inline void gave_up(const void* lock) {
    if constexpr (kDebugBuild) forget(lock);
}
[[gnu::always_inline]] inline void release(const void* lock, const char* name) {
    if constexpr (kDebugBuild) check_release(lock, name);
}
/// At whatever may sleep, also when it does not just now. `what` it is.
[[gnu::always_inline]] inline void might_sleep(const char* what) {
    if constexpr (kDebugBuild) check_may_sleep(what);
}
/// At the end of a system call, and of a thread.
[[gnu::always_inline]] inline void expect_none_held(const char* when) {
    if constexpr (kDebugBuild) check_none_held(when);
}
/// The run queue is locked: its lock goes over from one task to the other. `from` is null for the
/// first task of a processor.
[[gnu::always_inline]] inline void switch_to([[maybe_unused]] TaskLocks* from,
                                             [[maybe_unused]] TaskLocks& to) {
    if constexpr (kDebugBuild) switch_tasks(from, to);
}

}  // namespace lockval
