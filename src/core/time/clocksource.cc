// See clocksource.h. The list is short and kept in order of rating, so the best is the first.

#include "core/time/clocksource.h"

#include "arch/cpu.h"
#include "core/lock/spin_lock.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "core/time/timekeeping.h"
#include "core/time/watchdog.h"
#include "lib/string.h"

namespace time {

constinit ClockOptions clock_options{};

namespace {

constexpr usize kMaxName = 32;

constinit SpinLock list_lock{"clocksource", LockRank::ClockSource};
constinit Clocksource* sources GUARDED_BY(list_lock) = nullptr;
constinit Clocksource* in_use GUARDED_BY(list_lock) = nullptr;
/// The name that was asked for; the source may come later than the wish.
constinit char chosen[kMaxName] GUARDED_BY(list_lock) = "";

bool counts(const Clocksource& source) {
    const u64 begin = source.read();
    for (unsigned i = 0; i < 100'000; i++) {
        if (source.read() != begin) return true;
    }
    return false;
}

void insert(Clocksource& source) REQUIRES(list_lock) {
    Clocksource** at = &sources;
    while (*at != nullptr && (*at)->rating >= source.rating) at = &(*at)->next;
    source.next = *at;
    *at = &source;
}

void remove(Clocksource& source) REQUIRES(list_lock) {
    Clocksource** at = &sources;
    while (*at != nullptr && *at != &source) at = &(*at)->next;
    if (*at != nullptr) *at = source.next;
}

Clocksource* find(std::string_view name) REQUIRES(list_lock) {
    Clocksource* source = sources;
    while (source != nullptr && std::string_view(source->name, strlen(source->name)) != name) {
        source = source->next;
    }
    return source;
}

/// Lets the timekeeper use the best source, or the chosen one if it is there and sound.
void select() REQUIRES(list_lock) {
    Clocksource* best = sources;
    Clocksource* const wish = find({chosen, strlen(chosen)});
    if (wish != nullptr && !(wish->flags & kClockUnstable)) best = wish;
    if (best == nullptr || best == in_use) return;
    in_use = best;
    timekeeping_use(*best);
    printk("clocksource: Switched to clocksource %s", best->name);
}

void set_hz(Clocksource& source, u64 hz) {
    source.hz = hz;
    source.mult = arch::mul_div(kNsPerSec, u64{1} << kClockShift, hz);
    source.max_idle_ns = arch::mul_div(source.mask / 2, kNsPerSec, hz);
}

}  // namespace

Result<void> clocksource_register_hz(Clocksource& source, u64 hz) {
    if (hz == 0 || !counts(source)) {
        printk(Level::Warning, "clocksource: %s does not count; ignored", source.name);
        return ENODEV;
    }
    set_hz(source, hz);
    printk("clocksource: %s: mask: %#x mult: %#x shift: %u, max_idle_ns: %u, rating: %u",
           source.name, source.mask, source.mult, kClockShift, source.max_idle_ns, source.rating);
    IrqGuard guard(list_lock);
    insert(source);
    select();
    return {};
}

void clocksource_update_hz(Clocksource& source, u64 hz) {
    IrqGuard guard(list_lock);
    set_hz(source, hz);
    if (in_use == &source) timekeeping_use(source);
}

Result<void> clocksource_override(std::string_view name) {
    {
        IrqGuard guard(list_lock);
        if (name.size() >= kMaxName) return EINVAL;
        if (!name.empty() && find(name) == nullptr) return EINVAL;
        copy_string(chosen, name);
        select();
    }
    kick_timekeeper();  // the new source may wrap sooner
    return {};
}

void clocksource_mark_unstable(Clocksource& source) {
    IrqGuard guard(list_lock);
    source.flags |= kClockUnstable;
    source.flags &= ~(kClockMustVerify | kClockUserReadable);
    source.rating = 0;
    remove(source);
    insert(source);
    select();
}

Clocksource* current_clocksource() {
    IrqGuard guard(list_lock);
    return in_use;
}

Clocksource* find_watchdog(const Clocksource& but) {
    IrqGuard guard(list_lock);
    for (Clocksource* source = sources; source != nullptr; source = source->next) {
        const bool can_judge = source->flags & kClockContinuous &&
                               !(source->flags & (kClockMustVerify | kClockUnstable));
        if (source != &but && can_judge) return source;
    }
    return nullptr;
}

void for_each_clocksource(void (*visit)(Clocksource&, void*), void* argument) {
    IrqGuard guard(list_lock);
    for (Clocksource* source = sources; source != nullptr; source = source->next) {
        visit(*source, argument);
    }
}

}  // namespace time
