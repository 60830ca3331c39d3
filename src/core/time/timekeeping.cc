// See timekeeping.h. Writers hold the lock with interrupts off, and make the page's sequence odd
// while they write; a reader that finds it odd waits, which is short.

#include "core/time/timekeeping.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "core/lock/spin_lock.h"
#include "core/time/clock.h"
#include "core/time/clock_base.h"
#include "core/time/hrtimer.h"
#include "core/time/ntp.h"
#include "core/time/tick/tick.h"
#include "core/time/time_page.h"
#include "core/time/watchdog.h"
#include "lib/string.h"

namespace time {

namespace {

constinit TimePage page{};
/// The copy that programs map; null before there is one.
constinit TimePage* published = nullptr;

/// What reading the counter takes here: null is the TSC, read in place.
using ReadCounter = u64 (*)();
constinit ReadCounter read_counter = nullptr;

constinit SpinLock lock{"timekeeper", LockRank::Timekeeper};
constinit const Clocksource* source GUARDED_BY(lock) = nullptr;
constinit Ntp ntp GUARDED_BY(lock);
constinit i64 ntp_seconds GUARDED_BY(lock) = 0;  // the wall clock's, up to which NTP has been told
constinit i32 tai_s GUARDED_BY(lock) = 0;        // TAI - UTC

constinit std::atomic<u64> update_due_ns{0};
constinit std::atomic<bool> leapt{false};

// For mono_fast_ns(): two copies, of which the one that is not being written is read.
struct FastLine {
    u64 cycle_last;
    u64 mask, max_delta;
    ClockLine line;
};
struct FastClock {
    std::atomic<u32> sequence;  // its lowest bit says which copy
    FastLine copies[2];
};
constinit FastClock fast{};

constexpr i64 kNs = i64(kNsPerSec);
// As Linux: no wall clock later than what leaves 30 years of uptime before 64 bits are full.
constexpr u64 kMaxWallSec = 9'223'372'036 - u64{30} * 365 * 86'400;

[[gnu::always_inline]] inline u64 counter() {
    return read_counter == nullptr ? arch::rdtsc_ordered() : read_counter();
}

/// Calls read() until nothing changed meanwhile.
template <class Read>
[[gnu::always_inline]] inline u64 consistent(Read read) {
    for (;;) {
        const u32 sequence = page.sequence.load(std::memory_order_acquire);
        const u64 value = read();
        std::atomic_thread_fence(std::memory_order_acquire);
        if (page.sequence.load(std::memory_order_relaxed) == sequence && !(sequence & 1)) {
            return value;
        }
        arch::cpu_relax();
    }
}

void copy_to_fast() {
    const FastLine now{page.cycle_last, page.mask, page.max_delta, page.monotonic};
    for (unsigned i = 0; i < 2; i++) {
        fast.sequence.fetch_add(1, std::memory_order_seq_cst);  // the other copy is read now
        fast.copies[i] = now;
        std::atomic_thread_fence(std::memory_order_release);
    }
}

/// Makes a page's sequence odd, or even again.
void step_sequence(TimePage& of, std::memory_order order) {
    of.sequence.store(of.sequence.load(std::memory_order_relaxed) + 1, order);
}

/// Copies everything but the sequence, which is the copy's own and odd now, and lets readers in.
void publish() REQUIRES(lock) {
    if (published == nullptr) return;
    constexpr usize kSkipped = offsetof(TimePage, mode);
    memcpy(&published->mode, &page.mode, sizeof(TimePage) - kSkipped);
    step_sequence(*published, std::memory_order_release);
}

/// Holds the lock, and keeps readers out until it goes: those of both pages. With the old line a
/// program would be told later times than another is with the new one, where that climbs less.
class SCOPED_CAPABILITY Writing {
public:
    Writing() ACQUIRE(lock) : guard_(lock) {
        step_sequence(page, std::memory_order_relaxed);
        if (published != nullptr) step_sequence(*published, std::memory_order_relaxed);
        // Visible before the counter is read below: a value that a reader takes with the old line
        // was then read before the new line begins, on whichever processor.
        arch::memory_fence();
    }
    ~Writing() RELEASE() {
        copy_to_fast();
        publish();
        step_sequence(page, std::memory_order_release);
    }
    Writing(const Writing&) = delete;

private:
    IrqGuard guard_;
};

void advance_line(ClockLine& line, u64 delta) {
    const unsigned __int128 total = (unsigned __int128){delta} * line.mult + line.fraction;
    line.ns += u64(total >> kClockShift);
    line.fraction = u64(total) & 0xffff'ffff;
}

/// Moves the reference point of all clocks to now.
void advance() REQUIRES(lock) {
    const u64 delta = page.delta_of(counter());
    page.cycle_last = (page.cycle_last + delta) & page.mask;
    advance_line(page.monotonic, delta);
    advance_line(page.raw, delta);
    page.coarse_ns = page.monotonic.ns;
    update_due_ns.store(page.coarse_ns + kTickNs, std::memory_order_relaxed);
}

/// The rate of the source, more or less what NTP wants.
void apply_rate() REQUIRES(lock) {
    if (source == nullptr) return;
    const i64 rate = ntp.rate();
    const u64 change =
        arch::mul_div(source->mult, u64(rate < 0 ? -rate : rate), kNsPerSec << kClockShift);
    page.monotonic.mult = rate < 0 ? source->mult - change : source->mult + change;
    page.raw.mult = source->mult;
}

i64 wall_seconds() REQUIRES(lock) {
    return i64((page.monotonic.ns + page.offset_ns[abi::CLOCK_REALTIME]) / kNsPerSec);
}

void set_wall_offset(u64 offset_ns) REQUIRES(lock) {
    page.offset_ns[abi::CLOCK_REALTIME] = page.offset_ns[abi::CLOCK_REALTIME_COARSE] = offset_ns;
    page.offset_ns[abi::CLOCK_TAI] = offset_ns + u64(i64{tai_s} * kNs);
}

/// Tells NTP of every second that has begun.
void tell_seconds() REQUIRES(lock) {
    const bool passed = ntp_seconds < wall_seconds();
    while (ntp_seconds < wall_seconds()) {
        const int step = ntp.second_overflow(++ntp_seconds, tai_s);
        if (step == 0) continue;
        ntp_seconds += step;
        set_wall_offset(page.offset_ns[abi::CLOCK_REALTIME] + u64(step * kNs));
        leapt.store(true);
    }
    if (passed) apply_rate();
}

/// EINVAL: outside of what a wall clock may show, or before the machine was started.
Result<void> set_wall(u64 ns) REQUIRES(lock) {
    if (ns / kNsPerSec >= kMaxWallSec || ns < page.monotonic.ns) return EINVAL;
    set_wall_offset(ns - page.monotonic.ns);
    ntp.clear();
    apply_rate();
    ntp_seconds = wall_seconds();
    return {};
}

int adjust_ntp(abi::Timex& timex) {
    Writing writing;
    advance();
    tell_seconds();
    const u64 wall = page.monotonic.ns + page.offset_ns[abi::CLOCK_REALTIME];
    const int state = ntp.adjust(timex, wall_seconds(), tai_s);
    set_wall_offset(page.offset_ns[abi::CLOCK_REALTIME]);  // TAI may have changed
    apply_rate();
    const u64 fraction = wall % kNsPerSec;
    timex.time = {i64(wall / kNsPerSec),
                  i64(timex.status & abi::STA_NANO ? fraction : fraction / 1000)};
    return state;
}

}  // namespace

u64 now_ns() {
    return consistent([] { return page.monotonic.at(page.delta_of(counter())); });
}
u64 raw_ns() {
    return consistent([] { return page.raw.at(page.delta_of(counter())); });
}
u64 realtime_ns() {
    return consistent([] {
        return page.monotonic.at(page.delta_of(counter())) + page.offset_ns[abi::CLOCK_REALTIME];
    });
}
u64 tai_ns() {
    return consistent([] {
        return page.monotonic.at(page.delta_of(counter())) + page.offset_ns[abi::CLOCK_TAI];
    });
}
u64 boottime_ns() {
    return consistent([] {
        return page.monotonic.at(page.delta_of(counter())) + page.offset_ns[abi::CLOCK_BOOTTIME];
    });
}
u64 coarse_ns() {
    return consistent([] { return page.coarse_ns; });
}
u64 realtime_coarse_ns() {
    return consistent([] { return page.coarse_ns + page.offset_ns[abi::CLOCK_REALTIME]; });
}

u64 mono_fast_ns() {
    for (;;) {
        const u32 sequence = fast.sequence.load(std::memory_order_acquire);
        const FastLine& now = fast.copies[sequence & 1];
        const u64 delta = (counter() - now.cycle_last) & now.mask;
        const u64 ns = now.line.at(delta > now.max_delta ? 0 : delta);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (fast.sequence.load(std::memory_order_relaxed) == sequence) return ns;
    }
}

Result<void> set_realtime_ns(u64 ns) {
    {
        Writing writing;
        advance();
        TRY(set_wall(ns));
    }
    clock_was_set();
    return {};
}

Result<void> timekeeping_inject_offset(i64 ns) {
    {
        Writing writing;
        advance();
        const u64 now = page.monotonic.ns + page.offset_ns[abi::CLOCK_REALTIME];
        if (ns < 0 && u64(-ns) > now) return EINVAL;
        TRY(set_wall(now + u64(ns)));
    }
    clock_was_set();
    return {};
}

void timekeeping_use(Clocksource& next) {
    Writing writing;
    if (source == nullptr) {
        page.monotonic.ns = page.raw.ns = arch::clock_ns();
    } else {
        advance();
    }
    source = &next;
    const bool is_tsc = next.flags & kClockUserReadable;
    read_counter = is_tsc ? nullptr : next.read;
    page.mode = is_tsc ? TimeMode::Tsc : TimeMode::SystemCall;
    page.mask = next.mask;
    // A counter that all processors share is never behind, and a narrow one has no bits to tell.
    page.max_delta = next.mask == ~u64{0} ? next.mask / 2 : next.mask;
    page.cycle_last = counter() & next.mask;
    apply_rate();
}

void update_wall_time(u64 now) {
    if (now < update_due_ns.load(std::memory_order_relaxed)) return;
    Writing writing;
    advance();
    tell_seconds();
}

bool take_leap_news() { return leapt.exchange(false); }

void timekeeping_set_date(u64 ns) {
    Writing writing;
    advance();
    (void)set_wall(ns).ok();
}

i64 clock_offset_ns(ClockBase clock) {
    const u64 offsets[kClockBases] = {0, page.offset_ns[abi::CLOCK_REALTIME],
                                      page.offset_ns[abi::CLOCK_BOOTTIME],
                                      page.offset_ns[abi::CLOCK_TAI]};
    return i64(offsets[u8(clock)]);
}

u64 next_update_due() {
    IrqGuard guard(lock);
    const u64 now = page.monotonic.ns;
    const u64 wrap = source != nullptr ? source->max_idle_ns : kNsPerSec;
    u64 due = now + std::min(wrap, u64{1} << 60);
    if (ntp.is_busy()) {
        due = std::min(due,
                       now + kNsPerSec - (now + page.offset_ns[abi::CLOCK_REALTIME]) % kNsPerSec);
    }
    return due;
}

Result<int> do_adjtimex(abi::Timex& timex) {
    TRY(Ntp::check(timex));
    if (timex.modes & abi::ADJ_SETOFFSET && !(timex.modes & abi::ADJ_ADJTIME)) {
        const i64 unit = timex.modes & abi::ADJ_NANO ? 1 : 1000;
        i64 ns;
        if (__builtin_mul_overflow(timex.time.sec, kNs, &ns) ||
            __builtin_add_overflow(ns, timex.time.usec * unit, &ns)) {
            return EINVAL;
        }
        TRY(timekeeping_inject_offset(ns));
    }
    const int state = adjust_ntp(timex);
    kick_timekeeper();
    return state;
}

TimeZone time_zone() { return {page.minutes_west, page.dst_time}; }

Result<void> set_time_zone(TimeZone zone, bool with_time) {
    constexpr i32 kMaxMinutes = 15 * 60;
    static constinit std::atomic<bool> was_set{false};
    if (zone.minutes_west > kMaxMinutes || zone.minutes_west < -kMaxMinutes) return EINVAL;
    {
        Writing writing;
        page.minutes_west = zone.minutes_west;
        page.dst_time = zone.dst_time;
    }
    if (was_set.exchange(true) || with_time || zone.minutes_west == 0) return {};
    return timekeeping_inject_offset(i64{zone.minutes_west} * 60 * kNs);
}

void timekeeping_resolution_changed() {
    Writing writing;
    page.timer_ns = hrtimer_resolution_ns();
}

void timekeeping_publish(void* memory) {
    Writing writing;
    page.tick_ns = kTickNs;
    page.timer_ns = hrtimer_resolution_ns();
    page.has_cpu_number = arch::cpu_features.rdtscp;
    published = new (memory) TimePage{};
    step_sequence(*published, std::memory_order_relaxed);  // as if it had been there from the start
}

}  // namespace time
