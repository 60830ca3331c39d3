// /proc/timer_list: every HrTimer that is queued, the state of the ticks, and the devices behind
// them. Linux: kernel/time/timer_list.c, whose words and order people know.
#include "core/log/panic.h"
#include "core/time/clockevents.h"
#include "core/time/hrtimer_base.h"
#include "core/time/jiffies.h"
#include "core/time/tick/tick.h"
#include "fs/procfs/system.h"

namespace procfs {
namespace {

using time::HrTimerClockBase;
using time::HrTimerCpuBase;

/// What is printed of a timer: it may be gone when the text is made.
struct Queued {
    const void* at;
    u64 function, soft_expires, expires;
};

/// Copies the `index`th timer of a tree. From the start each time: nobody's interrupts stay off for
/// long, whatever the number of timers.
bool copy_timer(HrTimerCpuBase& cpu_base, HrTimerClockBase& base, u64 index, Queued& out) {
    IrqGuard guard(cpu_base.lock);
    for (time::HrTimer& timer : base.tree) {
        if (index-- > 0) continue;
        out = {&timer, reinterpret_cast<u64>(timer.function()), timer.soft_expires_ns(),
               timer.expires_ns()};
        return true;
    }
    return false;
}

void print_timer(SeqFile& out, u64 index, const Queued& timer, u64 now) {
    const Symbol symbol = find_symbol(timer.function);
    out.print(" #%lu: <%016lx>, %s, S:01\n", index, reinterpret_cast<u64>(timer.at), symbol.name);
    out.print(" # expires at %lu-%lu nsecs [in %ld to %ld nsecs]\n", timer.soft_expires,
              timer.expires, i64(timer.soft_expires - now), i64(timer.expires - now));
}

void print_clock(SeqFile& out, HrTimerCpuBase& cpu_base, HrTimerClockBase& base, u64 now) {
    constexpr const char* kClocks[] = {"monotonic", "realtime", "boottime", "tai"};
    out.print(" clock %u:\n  .base:       %016lx\n  .index:      %u\n", base.index,
              reinterpret_cast<u64>(&base), base.index);
    out.print("  .resolution: %lu nsecs\n  .get_time:   %s\n", time::hrtimer_resolution_ns(),
              kClocks[base.index % time::kClockBases]);
    out.print("  .offset:     %ld nsecs\nactive timers:\n", base.offset_ns);
    Queued timer;
    for (u64 i = 0; i < 1000 && copy_timer(cpu_base, base, i, timer); i++) {
        print_timer(out, i, timer, now + u64(base.offset_ns));
    }
}

void print_tick(SeqFile& out, const time::TickSched& tick) {
    const auto mode = static_cast<unsigned>(tick.mode);
    const auto nsecs = [&](const char* label, u64 value) {
        out.print("  .%-15s: %lu nsecs\n", label, value);
    };
    out.print("  .%-15s: %u\n", "nohz_mode", time::tick_options.nohz ? mode : 0);
    nsecs("last_tick", tick.last_tick_ns);
    out.print("  .%-15s: %u\n", "tick_stopped", tick.stopped ? 1u : 0u);
    out.print("  .%-15s: %lu\n  .%-15s: %lu\n", "idle_calls", tick.idle_calls, "idle_sleeps",
              tick.idle_sleeps);
    nsecs("idle_entrytime", tick.idle_entry_ns);
    nsecs("idle_exittime", tick.idle_exit_ns);
    nsecs("idle_sleeptime", tick.idle_sleep_ns);
    nsecs("idle_expires", tick.next_ns);
    out.print("jiffies: %lu\n\n", time::jiffies());
}

void print_cpu(SeqFile& out, unsigned cpu, u64 now) {
    HrTimerCpuBase& base = per_cpu(time::hrtimer_cpu_base, cpu);
    out.print("cpu: %u\n", cpu);
    for (HrTimerClockBase& clock : base.clock) print_clock(out, base, clock, now);
    out.print("  .%-15s: %lu nsecs\n", "expires_next", base.expires_next);
    out.print("  .%-15s: %u\n", "hres_active", base.high_resolution ? 1u : 0u);
    out.print("  .%-15s: %lu\n  .%-15s: %lu\n  .%-15s: %lu\n", "nr_events", base.events,
              "nr_retries", base.retries, "nr_hangs", base.hangs);
    out.print("  .%-15s: %lu\n", "max_hang_time", base.max_hang_ns);
    print_tick(out, time::tick_sched(cpu));
}

void print_device(SeqFile& out, unsigned cpu) {
    const time::ClockEventDevice* const device = time::tick_device(cpu);
    if (device == nullptr) return;
    out.print("Tick Device: mode:     %u\nPer CPU device: %u\nClock Event Device: %s\n",
              device->is_oneshot() ? 1u : 0u, cpu, device->name);
    out.print(" max_delta_ns:   %lu\n min_delta_ns:   %lu\n", device->max_delta_ns,
              device->min_delta_ns);
    out.print(" mult:           %lu\n shift:          %u\n mode:           %u\n", device->mult,
              device->shift, static_cast<unsigned>(device->state));
    out.print(" next_event:     %lu nsecs\n retries:        %lu\n\n", device->next_event_ns,
              device->retries);
}

}  // namespace

Result<void> show_timer_list(SeqFile& out, void*) {
    const u64 now = time::now_ns();
    out.print("Timer List Version: v0.10\nHRTIMER_MAX_CLOCK_BASES: %u\nnow at %lu nsecs\n\n",
              2 * time::kClockBases, now);
    for_each_cpu(online_cpus, [&](unsigned cpu) { print_cpu(out, cpu, now); });
    for_each_cpu(online_cpus, [&](unsigned cpu) { print_device(out, cpu); });
    return {};
}

}  // namespace procfs
