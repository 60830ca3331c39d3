/// Clock sources: counters that run at a known rate. Linux: kernel/time/clocksource.c.
///
/// The timekeeper reads one of them, the best that is registered unless somebody chose another
/// (`clocksource=` on the command line, or sysfs). Ratings are Linux's: 300 is desirable, 200 is
/// good, 100 is good enough to boot with.
///
/// Sources never go away; their ratings change under a mutex of this file's own.
#pragma once

#include <string_view>

#include "lib/result.h"
#include "lib/types.h"

namespace time {

/// ns = (ticks * mult) >> 32 with a product of 128 bits: it never overflows.
inline constexpr u32 kClockShift = 32;

enum ClocksourceFlag : u32 {
    kClockContinuous = 1 << 0,   // counts on while nobody looks, for at least max_idle_ns
    kClockMustVerify = 1 << 1,   // the watchdog is to compare it with another
    kClockUnstable = 1 << 2,     // found to run wrong
    kClockUserReadable = 1 << 3  // programs can read it without a system call
};

struct Clocksource {
    const char* name;
    u32 rating;
    u32 flags;
    u64 (*read)();  // the counter; any context but NMIs
    u64 mask;       // the bits it has

    // Kept by clocksource.cc.
    u64 mult = 0;
    u64 hz = 0;
    u64 max_idle_ns = 0;  // it must be read at least this often; half of what it takes to wrap
    Clocksource* next = nullptr;

    u64 to_ns(u64 ticks) const { return u64((unsigned __int128){ticks} * mult >> kClockShift); }
};

/// Adds a source that counts at `hz`; the timekeeper switches to it if it is the best. ENODEV: it
/// does not count.
Result<void> clocksource_register_hz(Clocksource& source, u64 hz);

/// A source that was measured better: its rate changes from now on, without a jump.
void clocksource_update_hz(Clocksource& source, u64 hz);

/// Chooses by name. EINVAL: there is no such source. "" ends an earlier choice.
Result<void> clocksource_override(std::string_view name);

/// It runs wrong: its rating drops to 0, and another takes over if it was in use. Interrupt context
/// is fine.
void clocksource_mark_unstable(Clocksource& source);

/// The source in use; null before the first is registered.
Clocksource* current_clocksource();

/// The best source other than `but` that can judge it: continuous, and not to be verified itself.
/// Null: there is none.
Clocksource* find_watchdog(const Clocksource& but);

/// Calls `visit(source, argument)` for every source, best first.
void for_each_clocksource(void (*visit)(Clocksource& source, void* argument), void* argument);

/// What the command line says; the boot fills it in before time::init().
struct ClockOptions {
    std::string_view clocksource;  // clocksource=
    bool no_tsc = false;           // notsc: the TSC is taken as unstable
    bool tsc_reliable = false;     // tsc=reliable: it is not watched
};
extern constinit ClockOptions clock_options;

}  // namespace time
