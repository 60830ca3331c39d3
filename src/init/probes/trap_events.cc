// Probes of lab 02-traps: timers and softirqs. For a running kernel only.
//
//   trap_timers     in: u32 n, n timers (u64 delay_ns, u64 burn_ns, u64 interval_ns, u32 repeats).
//                   The timers are started at one moment; each callback takes `burn_ns`, and asks
//                   to be called again after `interval_ns`, `repeats` times. out: u64 interrupts of
//                   the local timer meanwhile, u32 calls, and for each call u32 timer, u64 ns
//                   between the moment and the call
//   trap_softirqs   in: u8 mask, then a u8 mask for each call of an action: what it raises. Bit i
//                   stands for softirq kFirst + i.
//                   out: u32 calls, then for each u8 number, u8 flags (Saw); u8 flags at the end

#include <atomic>
#include <new>

#include "arch/vectors.h"
#include "core/irq/entry.h"
#include "core/softirq/internal.h"
#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "sched/timeout.h"

namespace probes {
namespace {

constinit std::atomic<bool> busy{false};

// --- timers -------------------------------------------------------------------------------------

time::Restart note_expiry(time::HrTimer& timer);

struct Shot {
    time::HrTimer timer{note_expiry};
    u64 delay_ns = 0, burn_ns = 0, interval_ns = 0;
    u32 repeats = 0;
};
struct Call {
    u32 shot;
    u64 at_ns;
};
constexpr u32 kMaxShots = 32, kMaxCalls = 1024;
constinit Shot* shots = nullptr;  // in the scratch memory of the one who is busy
constinit Call calls[kMaxCalls]{};
constinit std::atomic<u32> call_count{0}, calls_left{0};
constinit u64 moment_ns = 0;

time::Restart note_expiry(time::HrTimer& timer) {
    const u64 begin = time::now_ns();
    Shot* shot = shots;
    while (&shot->timer != &timer) shot++;
    const u32 at = call_count.fetch_add(1);
    if (at < kMaxCalls) calls[at] = {u32(shot - shots), begin - moment_ns};
    while (time::now_ns() - begin < shot->burn_ns) arch::cpu_relax();
    calls_left.fetch_sub(1);
    if (shot->repeats == 0) return time::Restart::No;
    shot->repeats--;
    timer.set_expires(timer.expires_ns() + shot->interval_ns);
    return time::Restart::Yes;
}

struct Shots {
    alignas(Shot) std::byte room[kMaxShots * sizeof(Shot)];
};

/// Reads the input; the sum of all calls to come, or 0 if it is not acceptable.
u32 take_shots(ByteReader& input, u32& count) {
    u32 total = 0;
    count = input.take<u32>();
    if (count > kMaxShots) return 0;
    for (u32 i = 0; i < count; i++) {
        Shot& shot = *new (&shots[i]) Shot;
        shot.delay_ns = input.take<u64>();
        shot.burn_ns = input.take<u64>();
        shot.interval_ns = input.take<u64>();
        shot.repeats = input.take<u32>();
        if (shot.delay_ns > time::kNsPerSec || shot.burn_ns > time::kNsPerSec / 100) return 0;
        if (shot.interval_ns > time::kNsPerSec || shot.repeats >= kMaxCalls) return 0;
        total += 1 + shot.repeats;
    }
    return input.ok() && total <= kMaxCalls ? total : 0;
}

/// All on this processor, which stays awake; waits until all calls were made, or for long.
u64 run_shots(u32 count, u32 total) {
    constexpr u64 kEnd = 3 * time::kNsPerSec;
    PreemptGuard stay;
    const u32 before = irq::vector_count(arch::kTimerVector, cpu_id());
    {
        IrqOffGuard together;
        moment_ns = time::now_ns();
        for (u32 i = 0; i < count; i++) {
            shots[i].timer.start(moment_ns + shots[i].delay_ns, time::TimerMode::AbsolutePinned);
        }
    }
    while (calls_left.load() > 0 && time::now_ns() - moment_ns < kEnd) arch::cpu_relax();
    for (u32 i = 0; i < count; i++) shots[i].timer.cancel();
    return irq::vector_count(arch::kTimerVector, cpu_id()) - before;
}

Result<usize> run_timers(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* memory = scratch<Shots>(out);
    if (memory == nullptr) return EINVAL;
    if (busy.exchange(true)) return EBUSY;
    shots = reinterpret_cast<Shot*>(memory->room);
    ByteReader input(in);
    u32 count = 0;
    const u32 total = take_shots(input, count);
    if (total == 0) {
        busy = false;
        return EINVAL;
    }
    call_count = 0;
    calls_left = total;
    ByteWriter answer(out);
    answer.put(run_shots(count, total));
    const u32 made = std::min(call_count.load(), kMaxCalls);
    answer.put(made);
    for (u32 i = 0; i < made; i++) {
        answer.put(calls[i].shot);
        answer.put(calls[i].at_ns);
    }
    busy = false;
    return answer.result();
}

// --- softirqs -----------------------------------------------------------------------------------

constexpr unsigned kFirst = unsigned(SoftIrq::NetTx), kBorrowed = 4;  // up to IrqPoll
static_assert(kFirst + kBorrowed - 1 == unsigned(SoftIrq::IrqPoll));

enum Saw : u8 {
    kIrqsOn = 1,
    kServing = 2,
    kHardirq = 4,
    kStillRaised = 8,  // its own bit, or a lower one of its pass, was still set
    kElsewhere = 16,   // not called by the task that asked: ksoftirqd, or an interrupt after it
};
struct Ran {
    u8 number, saw;
};
constinit Ran ran[kMaxCalls]{};
constinit u8 script[kMaxCalls]{};
constinit std::atomic<u32> ran_count{0};
constinit u32 script_length = 0;
constinit std::atomic<bool> asking{false};

void raise_all(u8 mask) {
    for (unsigned i = 0; i < kBorrowed; i++) {
        if (mask >> i & 1) softirq::raise(static_cast<SoftIrq>(kFirst + i));
    }
}

u8 look(unsigned number) {
    u8 saw = arch::irqs_on() ? kIrqsOn : 0;
    if (in_serving_softirq()) saw |= kServing;
    if (in_hardirq()) saw |= kHardirq;
    if (softirq::pending() >> number & 1) saw |= kStillRaised;
    if (!asking.load()) saw |= kElsewhere;
    return saw;
}

template <unsigned Number>
void action() {
    const u32 at = ran_count.fetch_add(1);
    if (at >= kMaxCalls) return;
    ran[at] = {u8(Number), look(Number)};
    if (at < script_length) raise_all(script[at]);
}
constexpr softirq::Action kActions[kBorrowed] = {action<kFirst>, action<kFirst + 1>,
                                                 action<kFirst + 2>, action<kFirst + 3>};

/// Lets ksoftirqd do what is left. Until nothing of ours has run for a while.
void wait_for_the_rest() {
    for (u32 last = ~0u, i = 0; last != ran_count.load() && i < 1000; i++) {
        last = ran_count.load();
        sched::msleep(5);
    }
}

/// What raising and the end of BhGuard did; how the caller stands afterwards.
u8 run_script(u8 mask) {
    softirq::Action own[kBorrowed];
    for (unsigned i = 0; i < kBorrowed; i++) {
        own[i] = softirq::exchange_action(kFirst + i, kActions[i]);
    }
    u8 after;
    {
        PreemptGuard stay;
        asking = true;
        {
            BhGuard guard;
            raise_all(mask);
        }
        asking = false;
        after = look(kFirst) & (kIrqsOn | kServing | kHardirq);
    }
    wait_for_the_rest();
    for (unsigned i = 0; i < kBorrowed; i++) softirq::exchange_action(kFirst + i, own[i]);
    return after;
}

Result<usize> run_softirqs(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto mask = input.take<u8>();
    if (!input.ok() || mask == 0 || mask >> kBorrowed != 0) return EINVAL;
    if (input.left() > kMaxCalls) return EINVAL;
    if (busy.exchange(true)) return EBUSY;
    script_length = u32(input.left());
    for (u32 i = 0; i < script_length; i++) script[i] = input.take<u8>();
    ran_count = 0;
    const u8 after = run_script(mask);
    ByteWriter answer(out);
    const u32 made = std::min(ran_count.load(), kMaxCalls);
    answer.put(made);
    answer.put_bytes(ran, made * sizeof ran[0]);
    answer.put(after);
    busy = false;
    return answer.result();
}

PROBE(timers) = {.name = "trap_timers", .run = run_timers};
PROBE(softirqs) = {.name = "trap_softirqs", .run = run_softirqs};

}  // namespace
}  // namespace probes
