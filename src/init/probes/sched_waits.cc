// Probes of lab 03-scheduling: sleepers and who wakes them. For a running kernel only.
//
//   sched_wait_queue  in: u8 n, n bytes (Kind): who joins a queue, in that order; then wake-ups, u8
//                     how (How), u8 count. out: for each wake-up a byte for each of the n: whether
//                     it has been woken by now; then u8 m, and m bytes: the callbacks, in the order
//                     of their calls; then a byte for each of the n: what sleep_in() returned, as
//                     an errno (0 for those that did not sleep)
//   sched_window      in: u64 patience_ns, u8 wakes: whether a wake-up is to come at all. An
//                     interrupt that wakes the queue is already pending when the sleeper calls
//                     sleep_until(). out: u32 errno, u64 ns that it took, u8 state (Seen)

#include <atomic>
#include <new>

#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/timeout.h"
#include "sched/wait_queue.h"

namespace probes {
namespace {

using sched::WaitQueue;
using sched::WaitQueueEntry;

constexpr u32 kMaxWaiters = 16, kMaxCalls = 128;
constexpr u64 kLongNs = 10 * time::kNsPerSec;

enum Kind : u8 {
    kSleeper = 0,        // sleeps, interruptible
    kDeepSleeper = 1,    // uninterruptible
    kAwake = 2,          // is on the queue, but runs
    kCallback = 3,       // is told
    kExclusive = 1 << 4  // with each of these
};
enum How : u8 { kOne, kSome, kAll, kOneInterruptible, kAllInterruptible };

struct Party;

struct Waiter {
    Party* party = nullptr;
    u8 kind = 0;
    WaitQueueEntry entry;  // of those that do not sleep
    std::atomic<bool> waits{false}, woken{false};
    u8 error = 0;
};

/// One queue and those who stand in it.
struct Party {
    SpinLock lock{"probe", LockRank::Pipe};
    WaitQueue queue;
    Waiter waiters[kMaxWaiters];
    std::atomic<u32> threads{0};
    u32 count = 0;
    u8 calls[kMaxCalls] = {};
    std::atomic<u32> call_count{0};
};

void sleep_once(void* argument) {
    Waiter& self = *static_cast<Waiter*>(argument);
    Party& party = *self.party;
    const u32 state =
        (self.kind & 15) == kSleeper ? sched::kInterruptible : sched::kUninterruptible;
    const auto wakes =
        self.kind & kExclusive ? WaitQueue::Wakes::OneOfMany : WaitQueue::Wakes::Always;
    {
        IrqGuard guard(party.lock);
        self.waits = true;
        const u64 end = time::now_ns() + kLongNs;
        const Result<void> slept = party.queue.sleep_in(party.lock, state, wakes, end);
        self.error = slept.ok() ? 0 : u8(slept.error());
    }
    self.woken = true;
    party.threads.fetch_sub(1);
}

void note_call(WaitQueueEntry& entry) {
    Waiter& self = *static_cast<Waiter*>(entry.context);
    Party& party = *self.party;
    const u32 at = party.call_count.fetch_add(1);
    if (at < kMaxCalls) party.calls[at] = u8(&self - party.waiters);
    self.woken = true;
}

/// Until `waiter` sleeps, so that the next one joins behind it.
bool wait_until_asleep(const Waiter& waiter, const sched::Task& task) {
    for (u32 i = 0; i < 2000; i++) {
        if (waiter.waits && task.on_rq == 0) return true;
        sched::msleep(1);
    }
    return false;
}

bool join(Party& party, Waiter& waiter) {
    const u8 kind = waiter.kind & 15;
    waiter.party = &party;
    if (kind == kSleeper || kind == kDeepSleeper) {
        Result<sched::Task*> made = sched::kthread_create(sleep_once, &waiter, "waiter");
        if (!made.ok()) return false;
        sched::Task& task = *made.value();
        party.threads.fetch_add(1);
        task.ref_count.inc();
        wake_up_new_task(task);
        const bool asleep = wait_until_asleep(waiter, task);
        if (task.ref_count.dec_and_test()) sched::Task::release(&task);
        return asleep;
    }
    waiter.entry.exclusive = waiter.kind & kExclusive;
    waiter.entry.context = &waiter;
    waiter.entry.task = &sched::current();
    waiter.entry.leaves = kind == kAwake;
    if (kind == kCallback) waiter.entry.callback = note_call;
    party.queue.add(waiter.entry);
    waiter.waits = true;
    return true;
}

void wake(Party& party, u8 how, u8 count) {
    IrqGuard guard(party.lock);
    switch (how) {
    case kOne: party.queue.wake_one(); break;
    case kSome: party.queue.wake_some(count); break;
    case kAll: party.queue.wake_all(); break;
    case kOneInterruptible: party.queue.wake_one_interruptible(); break;
    default: party.queue.wake_all_interruptible(); break;
    }
}

/// Lets everybody go, so that nothing of the party is in use any more. False: somebody never came
/// back, and the memory must stay.
bool dissolve(Party& party) {
    for (u32 i = 0; i < 200 && party.threads.load() != 0; i++) {
        for (u32 n = 0; n < kMaxWaiters; n++) wake(party, kAll, 0);
        sched::msleep(2);
    }
    for (Waiter& waiter : party.waiters) {
        if (waiter.entry.link.is_linked()) party.queue.remove(waiter.entry);
    }
    sched::msleep(2);  // the last ones are through with the lock
    return party.threads.load() == 0;
}

bool take_waiters(ByteReader& input, Party& party) {
    party.count = input.take<u8>();
    if (party.count == 0 || party.count > kMaxWaiters) return false;
    for (u32 i = 0; i < party.count; i++) {
        party.waiters[i].kind = input.take<u8>();
        if (party.waiters[i].kind & ~(15 | kExclusive)) return false;
        if ((party.waiters[i].kind & 15) > kCallback) return false;
    }
    return input.ok() && input.left() % 2 == 0 && input.left() <= 64;
}

/// Wakes the queue as asked, and says after each time who was woken.
void play(ByteReader& input, Party& party, ByteWriter& answer) {
    while (input.left() >= 2) {
        const auto how = input.take<u8>(), count = input.take<u8>();
        wake(party, how, count);
        sched::msleep(3);
        for (u32 i = 0; i < party.count; i++) answer.put(u8{party.waiters[i].woken.load()});
    }
}

constinit std::atomic<bool> busy{false};
alignas(Party) constinit std::byte party_room[sizeof(Party)]{};

Result<usize> run_wait_queue(std::span<const std::byte> in, std::span<std::byte> out) {
    if (busy.exchange(true)) return EBUSY;
    Party& party = *new (party_room) Party;
    ByteReader input(in);
    ByteWriter answer(out);
    if (!take_waiters(input, party)) {
        busy = false;
        return EINVAL;
    }
    bool joined = true;
    for (u32 i = 0; joined && i < party.count; i++) joined = join(party, party.waiters[i]);
    if (joined) play(input, party, answer);
    if (!dissolve(party)) return ETIMEDOUT;  // and stays busy
    const u32 calls = std::min(party.call_count.load(), kMaxCalls);
    answer.put(u8(calls));
    answer.put_bytes(party.calls, calls);
    for (u32 i = 0; i < party.count; i++) answer.put(party.waiters[i].error);
    party.~Party();
    busy = false;
    if (!joined) return ENOMEM;
    return answer.result();
}

// --- the window between the test and the sleep --------------------------------------------------

struct Window {
    static time::Restart ring(time::HrTimer& timer) {
        auto& self = reinterpret_cast<Window&>(timer);  // its first member
        IrqGuard guard(self.lock);
        self.rung = true;
        self.queue.wake_all();
        return time::Restart::No;
    }

    time::HrTimer timer{ring};
    SpinLock lock{"probe", LockRank::Pipe};
    WaitQueue queue;
    bool rung = false;
};

enum Seen : u8 {
    kIrqsOff = 1,      // as before the sleep
    kStillQueued = 2,  // an entry that nobody will remove
    kRung = 4,
    kNotRunning = 8  // the state of the task
};

Result<usize> run_window(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto patience = input.take<u64>();
    const bool wakes = input.take<u8>() != 0;
    if (!input.ok() || patience > time::kNsPerSec) return EINVAL;
    Window window;
    u8 seen = 0;
    const u64 begin = time::now_ns();
    Result<void> slept{};
    {
        IrqGuard guard(window.lock);
        if (wakes) {
            constexpr u64 kSoon = 20'000;
            window.timer.start(begin + kSoon, time::TimerMode::AbsolutePinned);
            while (time::now_ns() < begin + 2 * kSoon) arch::cpu_relax();
        }
        slept = window.queue.sleep_until(window.lock, begin + patience);
        if (!arch::irqs_on()) seen |= kIrqsOff;
        if (window.queue.has_waiters()) seen |= kStillQueued;
        if (window.rung) seen |= kRung;
        if (sched::current().state.load() != sched::kRunning) seen |= kNotRunning;
    }
    const u64 took = time::now_ns() - begin;
    window.timer.cancel();
    ByteWriter answer(out);
    answer.put(errno_of(slept));
    answer.put(took);
    answer.put(seen);
    return answer.result();
}

PROBE(wait_queue) = {.name = "sched_wait_queue", .run = run_wait_queue};
PROBE(window) = {.name = "sched_window", .run = run_window};

}  // namespace
}  // namespace probes
