// Reading clocks without the kernel. What it takes is in the page in front of us (time_page.h); as
// long as that names the TSC, user mode can do it all. Linux: lib/vdso/gettimeofday.c.

#include "abi/time.h"
#include "arch/cpu.h"
#include "core/time/time_page.h"

extern "C" {
extern const time::TimePage vvar_page [[gnu::visibility("hidden")]];

#define EXPORT [[gnu::visibility("default")]]
EXPORT int __vdso_clock_gettime(int clock, abi::Timespec* to);
EXPORT int __vdso_clock_getres(int clock, abi::Timespec* to);
EXPORT int __vdso_gettimeofday(abi::Timeval* to, abi::Timezone* zone);
EXPORT i64 __vdso_time(i64* to);
EXPORT int __vdso_getcpu(u32* cpu, u32* node, void* unused);
}

namespace {

using namespace abi;
using time::TimeMode;
using time::TimePage;

constexpr u64 kNsPerSec = 1'000'000'000;

constexpr u32 bit(int clock) { return 1u << clock; }
constexpr u32 kPrecise =
    bit(CLOCK_REALTIME) | bit(CLOCK_MONOTONIC) | bit(CLOCK_BOOTTIME) | bit(CLOCK_TAI);
constexpr u32 kCoarse = bit(CLOCK_REALTIME_COARSE) | bit(CLOCK_MONOTONIC_COARSE);
constexpr u32 kRaw = bit(CLOCK_MONOTONIC_RAW);

bool is_one_of(u32 clocks, u32 clock) { return clock < 32 && (clocks >> clock & 1); }

/// The kernel's answer, as it is: a result or a negative errno.
template <class A, class B>
long system_call(long number, A first, B second, long third = 0) {
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(first), "S"(second), "d"(third)
                 : "rcx", "r11", "memory");
    return result;
}

/// `read(page)` until the page did not change meanwhile. False: `read` wants the kernel to do it.
template <class Read>
[[gnu::always_inline]] inline bool consistent(Read read) {
    for (;;) {
        const u32 sequence = vvar_page.sequence.load(std::memory_order_acquire);
        if (!(sequence & 1)) [[likely]] {
            if (!read(vvar_page)) return false;
            std::atomic_thread_fence(std::memory_order_acquire);
            if (vvar_page.sequence.load(std::memory_order_relaxed) == sequence) return true;
        }
        arch::cpu_relax();
    }
}

/// Nanoseconds of a precise clock, on `line`.
[[gnu::always_inline]] inline bool read_tsc(u64& ns, const time::ClockLine TimePage::*line,
                                            u32 clock) {
    return consistent([&](const TimePage& page) {
        if (page.mode != TimeMode::Tsc) return false;
        const u64 now = arch::rdtsc_ordered(), last = page.cycle_last;
        ns = (page.*line).at(now < last ? 0 : now - last) + page.offset_ns[clock];
        return true;
    });
}

[[gnu::always_inline]] inline void read_coarse(u64& ns, u32 clock) {
    consistent([&](const TimePage& page) {
        ns = page.coarse_ns + page.offset_ns[clock];
        return true;
    });
}

[[gnu::always_inline]] inline bool read_clock(u64& ns, u32 clock) {
    if (is_one_of(kPrecise, clock)) return read_tsc(ns, &TimePage::monotonic, clock);
    if (is_one_of(kRaw, clock)) return read_tsc(ns, &TimePage::raw, clock);
    if (!is_one_of(kCoarse, clock)) return false;
    read_coarse(ns, clock);
    return true;
}

}  // namespace

int __vdso_clock_gettime(int clock, Timespec* to) {
    u64 ns;
    if (!read_clock(ns, u32(clock))) return int(system_call(228, clock, to));
    to->sec = i64(ns / kNsPerSec);
    to->nsec = i64(ns % kNsPerSec);
    return 0;
}

int __vdso_clock_getres(int clock, Timespec* to) {
    const bool is_coarse = is_one_of(kCoarse, u32(clock));
    if (!is_coarse && !is_one_of(kPrecise | kRaw, u32(clock))) {
        return int(system_call(229, clock, to));
    }
    if (to != nullptr) *to = {0, i64(is_coarse ? vvar_page.tick_ns : vvar_page.timer_ns)};
    return 0;
}

int __vdso_gettimeofday(Timeval* to, Timezone* zone) {
    if (to != nullptr) [[likely]] {
        u64 ns;
        if (!read_tsc(ns, &TimePage::monotonic, CLOCK_REALTIME)) [[unlikely]] {
            return int(system_call(96, to, zone));
        }
        to->sec = i64(ns / kNsPerSec);
        to->usec = i64(u32(ns % kNsPerSec) / 1000);
    }
    if (zone != nullptr) *zone = {vvar_page.minutes_west, vvar_page.dst_time};
    return 0;
}

i64 __vdso_time(i64* to) {
    u64 ns;
    read_coarse(ns, CLOCK_REALTIME_COARSE);
    const i64 seconds = i64(ns / kNsPerSec);
    if (to != nullptr) *to = seconds;
    return seconds;
}

/// The kernel keeps the processor's number where rdtscp finds it.
int __vdso_getcpu(u32* cpu, u32* node, void*) {
    if (!vvar_page.has_cpu_number) return int(system_call(309, cpu, node));
    u32 low, high, number;
    asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
    if (cpu != nullptr) *cpu = number & 0xfff;
    if (node != nullptr) *node = number >> 12;
    return 0;
}

// Under their plain names, too.
extern "C" {
EXPORT int clock_gettime(int, Timespec*) __attribute__((weak, alias("__vdso_clock_gettime")));
EXPORT int clock_getres(int, Timespec*) __attribute__((weak, alias("__vdso_clock_getres")));
EXPORT int gettimeofday(Timeval*, Timezone*) __attribute__((weak, alias("__vdso_gettimeofday")));
EXPORT i64 plain_time(i64*) asm("time") __attribute__((weak, alias("__vdso_time")));
EXPORT int getcpu(u32*, u32*, void*) __attribute__((weak, alias("__vdso_getcpu")));
}
