#include "core/time/clock.h"

#include <atomic>

#include "arch/clock.h"

namespace time {

namespace {

constinit std::atomic<u64> wall_offset_ns{0};  // CLOCK_REALTIME - CLOCK_MONOTONIC

}  // namespace

u64 now_ns() { return arch::clock_ns(); }
u64 realtime_ns() { return now_ns() + wall_offset_ns.load(std::memory_order_relaxed); }
void set_realtime_ns(u64 ns) { wall_offset_ns.store(ns - now_ns(), std::memory_order_relaxed); }
u64 tsc_khz() { return arch::tsc_khz(); }
void delay_us(u64 us) { arch::delay_us(us); }

void init() {
    arch::clock_init();
    set_realtime_ns(arch::read_cmos_seconds() * kNsPerSec);
}

}  // namespace time
