// Clocks go on without a jump whatever they are read from, and a source that lies is found out.

#include "core/time/clocksource.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/time/clock.h"
#include "core/time/timekeeping.h"
#include "core/time/watchdog.h"
#include "lib/string.h"
#include "lib/test.h"

namespace time {

namespace {

void wait_ns(u64 ns) {
    const u64 end = arch::clock_ns() + ns;
    while (arch::clock_ns() < end) arch::cpu_relax();
}

/// Runs one tenth too fast.
u64 read_faulty() { return arch::rdtsc() / 10 * 11; }
constinit Clocksource faulty{.name = "faulty",
                             .rating = 400,
                             .flags = kClockContinuous | kClockMustVerify,
                             .read = read_faulty,
                             .mask = ~u64{0}};
constinit Clocksource stuck{.name = "stuck",
                            .rating = 500,
                            .flags = kClockContinuous,
                            .read = [] { return u64{7}; },
                            .mask = ~u64{0}};

std::string_view current_name() {
    const char* name = current_clocksource()->name;
    return {name, strlen(name)};
}

}  // namespace

TEST(clocks_survive_switches, "core.time.clocksource.switch") {
    constexpr const char* kNames[] = {"hpet", "tsc", "acpi_pm", "tsc", "hpet", "acpi_pm", "tsc"};
    u64 last = now_ns(), last_raw = raw_ns(), last_real = realtime_ns();
    const u64 begin = last, begin_log = arch::clock_ns();
    for (const char* name : kNames) {
        (void)clocksource_override({name, strlen(name)}).ok();  // pc,hpet=off has no hpet
        for (unsigned i = 0; i < 2000; i++) {
            const u64 now = now_ns(), raw = raw_ns(), real = realtime_ns();
            REQUIRE(now >= last && raw >= last_raw && real >= last_real);
            last = now;
            last_raw = raw;
            last_real = real;
        }
    }
    EXPECT_EQ(clocksource_override("no such clock").ok(), false);
    EXPECT(clocksource_override("").ok());
    // The switches took no time away: the log's clock never stopped.
    const u64 took = now_ns() - begin, took_log = arch::clock_ns() - begin_log;
    EXPECT(took <= took_log + took_log / 50 + 1'000'000);
    EXPECT(took + took / 50 + 1'000'000 >= took_log);
}

/// Six bits that are soon through.
u64 read_narrow() { return arch::clock_ns() / kNsPerMs; }
constinit Clocksource narrow{
    .name = "narrow", .rating = 1, .flags = kClockContinuous, .read = read_narrow, .mask = 63};

TEST(narrow_counter_counts_to_its_end, "core.time.clocksource.narrow") {
    REQUIRE(clocksource_register_hz(narrow, 1000).ok());
    REQUIRE(clocksource_override("narrow").ok());
    bool is_right = false;
    // A virtual processor may stand still for longer than the counter lasts, but not always.
    for (unsigned tries = 0; tries < 20 && !is_right; tries++) {
        const u64 now = now_ns(), log = arch::clock_ns();
        while (arch::clock_ns() - log < 40 * kNsPerMs) arch::cpu_relax();  // beyond half of them
        const u64 took = now_ns() - now;
        is_right = took >= 38 * kNsPerMs && took < 64 * kNsPerMs;
    }
    EXPECT(clocksource_override("").ok());
    EXPECT(is_right);
    clocksource_mark_unstable(narrow);
}

TEST(stuck_source_is_refused, "core.time.clocksource.stuck") {
    EXPECT_EQ(clocksource_register_hz(stuck, 1'000'000'000).error(), ENODEV);
}

TEST(watchdog_finds_the_liar, "core.time.clocksource.watchdog") {
    EXPECT(clocksource_override("").ok());  // whatever the command line chose
    REQUIRE(clocksource_register_hz(faulty, arch::tsc_hz()).ok());
    EXPECT_EQ(current_name(), "faulty");
    const Clocksource* judge = find_watchdog(faulty);
    REQUIRE(judge != nullptr);
    WatchdogState state{.watched = &faulty, .judge = judge};
    EXPECT(watchdog_check(state));  // the first look only remembers
    bool sound = true;
    for (unsigned looks = 0; looks < 20 && sound; looks++) {
        wait_ns(20 * kNsPerMs);
        sound = watchdog_check(state);
    }
    EXPECT(!sound);
    EXPECT_EQ(faulty.rating, 0u);
    EXPECT(faulty.flags & kClockUnstable);
    EXPECT(current_name() != "faulty");
    EXPECT(clocksource_override("faulty").ok());  // a wish does not help a liar
    EXPECT(current_name() != "faulty");
    EXPECT(clocksource_override("").ok());
}

TEST(watchdog_trusts_the_tsc, "core.time.clocksource.watchdog_sound") {
    Clocksource* tsc = nullptr;
    for_each_clocksource(
        [](Clocksource& source, void* found) {
            if (strcmp(source.name, "tsc") == 0) *static_cast<Clocksource**>(found) = &source;
        },
        &tsc);
    REQUIRE(tsc != nullptr);
    const Clocksource* judge = find_watchdog(*tsc);
    if (judge == nullptr || tsc->flags & kClockUnstable) return;
    WatchdogState state{.watched = tsc, .judge = judge};
    for (unsigned looks = 0; looks < 5; looks++) {
        EXPECT(watchdog_check(state));
        wait_ns(10 * kNsPerMs);
    }
}

TEST(offsets_and_coarse_clocks, "core.time.timekeeping.clocks") {
    EXPECT(raw_ns() != 0 && boottime_ns() + kNsPerSec >= now_ns());
    const u64 coarse = coarse_ns(), now = now_ns();
    EXPECT(coarse <= now);
    const u64 fast = mono_fast_ns();
    EXPECT(fast >= now && fast < now + kNsPerSec);
    const u64 real_coarse = realtime_coarse_ns(), real = realtime_ns();
    EXPECT(real_coarse <= real && tai_ns() >= real);
    EXPECT(!set_realtime_ns(0).ok());  // before the boot
    EXPECT(!set_realtime_ns(~u64{0} / 2).ok());
    const u64 mono = now_ns();
    EXPECT(set_realtime_ns(real + 3600 * kNsPerSec).ok());
    const u64 step = now_ns() - mono;
    EXPECT(step < kNsPerSec);
    EXPECT(realtime_ns() - real >= 3600 * kNsPerSec);
    EXPECT(set_realtime_ns(real + step).ok());
}

namespace {

struct Moment {
    u64 mono, raw;
};

/// Both clocks at one moment: nothing came between the two reads, or at least not for long.
Moment read_both() {
    Moment best{};
    u64 narrowest = ~u64{0};
    for (int i = 0; i < 50; i++) {
        const u64 before = raw_ns();
        const Moment moment{now_ns(), raw_ns()};
        if (moment.raw - before >= narrowest) continue;
        narrowest = moment.raw - before;
        best = moment;
    }
    return best;
}

}  // namespace

TEST(frequency_changes_monotonic_not_raw, "core.time.timekeeping.frequency") {
    abi::Timex timex{.modes = abi::ADJ_TICK, .tick = 11'000};  // a tenth faster
    REQUIRE(do_adjtimex(timex).ok());
    const Moment start = read_both();
    wait_ns(20 * kNsPerMs);
    const Moment end = read_both();
    const u64 mono_took = end.mono - start.mono, raw_took = end.raw - start.raw;
    timex = {.modes = abi::ADJ_TICK, .tick = 10'000};
    REQUIRE(do_adjtimex(timex).ok());
    EXPECT(mono_took > raw_took + raw_took / 12 && mono_took < raw_took + raw_took / 8);
}

}  // namespace time
