#include "core/time/clock.h"

#include <atomic>

#include "arch/clock.h"
#include "core/time/clock_base.h"
#include "core/time/hrtimer.h"

namespace time {

namespace {

constinit std::atomic<u64> wall_offset_ns{0};  // CLOCK_REALTIME - CLOCK_MONOTONIC

}  // namespace

i64 clock_offset_ns(ClockBase clock) {
    const bool is_wall = clock == ClockBase::Realtime || clock == ClockBase::Tai;
    return is_wall ? i64(wall_offset_ns.load(std::memory_order_relaxed)) : 0;
}

u64 now_ns() { return arch::clock_ns(); }
u64 realtime_ns() { return now_ns() + wall_offset_ns.load(std::memory_order_relaxed); }
void set_realtime_ns(u64 ns) {
    wall_offset_ns.store(ns - now_ns(), std::memory_order_relaxed);
    clock_was_set();
}
u64 tsc_khz() { return arch::tsc_khz(); }
void delay_us(u64 us) { arch::delay_us(us); }

void init() {
    arch::clock_init();
    set_realtime_ns(arch::read_cmos_seconds() * kNsPerSec);
}

}  // namespace time
