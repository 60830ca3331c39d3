// The HPET: one counter at a fixed rate, and comparators that interrupt.
// See: IA-PC HPET specification 1.0a. Linux: arch/x86/kernel/hpet.c.

#include "arch/clock.h"
#include "arch/cpu.h"

namespace arch {

namespace {

constexpr unsigned kCapabilities = 0x00, kConfiguration = 0x10, kCounter = 0xf0;
constexpr u64 kEnable = 1 << 0, kLegacy = 1 << 1;

// Of comparator n: its configuration and its value.
constexpr unsigned timer_config(unsigned n) { return 0x100 + 0x20 * n; }
constexpr unsigned timer_value(unsigned n) { return 0x108 + 0x20 * n; }
constexpr u32 kTimerLevel = 1 << 1, kTimerEnable = 1 << 2, kTimerPeriodic = 1 << 3;
constexpr u32 kTimerSetValue = 1 << 6, kTimer32 = 1 << 8, kTimerFsb = 1 << 14;

// What the specification allows, in femtoseconds.
constexpr u64 kShortestPeriod = 100'000, kLongestPeriod = 100'000'000;

constinit volatile u8* registers = nullptr;
constinit HpetInfo info{};

u64 read(unsigned reg) { return mmio_read<u64>(registers + reg); }
void write(unsigned reg, u64 value) { mmio_write<u64>(registers + reg, value); }
u32 read_timer(unsigned reg) { return mmio_read<u32>(registers + reg); }
void write_timer(unsigned reg, u32 value) { mmio_write<u32>(registers + reg, value); }

/// Registers that read as all ones are not there (yet).
bool answers() {
    for (unsigned i = 0; i < 1000; i++) {
        if (mmio_read<u32>(registers + kConfiguration) != ~0u) return true;
    }
    return false;
}

/// The firmware may have left comparators on.
void silence_timers() {
    for (unsigned n = 0; n < info.timers; n++) {
        const u32 config = read_timer(timer_config(n));
        write_timer(timer_config(n), config & ~(kTimerEnable | kTimerLevel | kTimerFsb));
    }
}

bool counts() {
    const u32 begin = hpet_read();
    for (const u64 tsc = rdtsc(); rdtsc() - tsc < 200'000;) {
        if (hpet_read() != begin) return true;
    }
    return false;
}

bool set_up() {
    if (!answers()) return false;
    const u64 capabilities = read(kCapabilities);
    info = {.period_fs = capabilities >> 32,
            .timers = unsigned(capabilities >> 8 & 0x1f) + 1,
            .has_legacy_route = bool(capabilities >> 15 & 1)};
    if (info.period_fs < kShortestPeriod || info.period_fs > kLongestPeriod) return false;
    write(kConfiguration, read(kConfiguration) & ~(kEnable | kLegacy));
    silence_timers();
    write(kCounter, 0);
    write(kConfiguration, read(kConfiguration) | kEnable);
    return counts();
}

}  // namespace

bool hpet_init(volatile void* mapped) {
    registers = static_cast<volatile u8*>(mapped);
    if (set_up()) return true;
    registers = nullptr;
    info = {};
    return false;
}

const HpetInfo* hpet_info() { return registers != nullptr ? &info : nullptr; }

u32 hpet_read() { return mmio_read<u32>(registers + kCounter); }

void hpet_event_route(bool on) {
    const u64 config = read(kConfiguration);
    write(kConfiguration, on ? config | kLegacy : config & ~kLegacy);
}

void hpet_event_periodic(u32 ticks) {
    write(kConfiguration, read(kConfiguration) & ~kEnable);
    const u32 begin = hpet_read();
    write_timer(timer_config(0), kTimerEnable | kTimerPeriodic | kTimerSetValue | kTimer32);
    // The first write sets the next time, the second the period.
    write_timer(timer_value(0), begin + ticks);
    write_timer(timer_value(0), ticks);
    write(kConfiguration, read(kConfiguration) | kEnable);
}

void hpet_event_oneshot() { write_timer(timer_config(0), kTimerEnable | kTimer32); }

bool hpet_event_set(u32 ticks) {
    const u32 due = hpet_read() + ticks;
    write_timer(timer_value(0), due);
    // Equality is what interrupts: a counter that is past the value by now goes once round.
    constexpr i32 kMargin = 8;
    return i32(due - hpet_read()) >= kMargin;
}

void hpet_event_stop() {
    write_timer(timer_config(0), read_timer(timer_config(0)) & ~kTimerEnable);
}

}  // namespace arch
