/// How often and how long processors and tasks wait for locks, for /proc/lock_stat.
///
/// Locks are counted by *class*: all locks of one kind that have one name. Waiting is seen on the
/// slow way only, so what nobody waits for costs nothing; a debug build also counts who takes a
/// lock and for how long it is held (core/lock/validator). Linux: Documentation/locking/lockstat.
#pragma once

#include <atomic>
#include <span>

#include "lib/types.h"

namespace lock_stat {

enum class Kind : u8 { Spin, RwSpin, Mutex, RwSemaphore, Semaphore };

/// The word that /proc shows: "spin", "rwlock", "mutex", "rwsem", "sem".
const char* kind_name(Kind kind);

/// Times in nanoseconds, counted without a lock: a sum may be a moment younger than its count.
struct Times {
    std::atomic<u64> count{0}, total{0}, max{0}, min{~u64{0}};

    void add(u64 ns);
    void reset();
};

struct Class {
    std::atomic<const char*> name{nullptr};  // null: not in use yet
    Kind kind{};
    u8 subclass = 0;  // which of several locks of the class that are held at once
    std::atomic<u64> acquisitions{0};
    Times wait, hold;
};

/// The class of locks of this kind and name, made when it is asked for the first time. Null when
/// there are too many. Any context; `name` lives for ever.
Class* find_class(const char* name, Kind kind, u8 subclass = 0);

/// All places for classes, in the order in which they were made; see Class::name.
std::span<Class> classes();

/// Whether waiting is counted (1) or not (0). On at boot.
extern constinit std::atomic<u32> enabled;

/// Forgets all counts.
void reset();

/// Counts the time from its making to its end as waiting for a lock, and records the trace events
/// contention_begin and contention_end.
class Wait {
public:
    Wait(const void* lock, const char* name, Kind kind);
    ~Wait();
    Wait(const Wait&) = delete;

private:
    const void* const lock_;
    const char* const name_;
    const u64 since_ns_;
    const Kind kind_;
};

}  // namespace lock_stat
