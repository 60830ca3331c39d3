// Queues of pending signals.

#include <bit>

#include "mm/own.h"
#include "process/process.h"
#include "process/ptrace/ptrace.h"
#include "process/signal_internal.h"
#include "process/timer/posix_timer.h"

namespace process {

using sched::SigQueue;

namespace {

constinit mm::KmemCache sigqueue_cache("sigqueue", sizeof(SigQueue), alignof(SigQueue));

/// Of an entry that is in no queue any more. A timer keeps its own.
void free_queued(SigQueue& queued) {
    if (queued.timer != nullptr) return;
    queued.~SigQueue();
    sigqueue_cache.free(&queued);
}

/// The most urgent pending signal outside `blocked`, or 0.
int next_signal(const PendingSignals& pending, u64 blocked) {
    u64 ready = pending.set & ~blocked;
    if (ready == 0) return 0;
    if (ready & kSynchronous) ready &= kSynchronous;
    return std::countr_zero(ready) + 1;
}

/// Takes `number` out of the queue, with its details if they were kept. True if it is a timer's.
bool collect_signal(PendingSignals& pending, int number, abi::SigInfo& info) {
    SigQueue* found = nullptr;
    bool more = false;
    for (SigQueue& queued : pending.queue) {
        if (queued.info.signo != number) continue;
        if (found == nullptr) {
            found = &queued;
        } else {
            more = true;
        }
    }
    if (!more) pending.set &= ~sig_bit(number);
    if (found == nullptr) {
        info = {};
        info.signo = number;
        return false;
    }
    info = found->info;
    found->link.unlink();
    const bool is_timer = found->timer != nullptr;
    free_queued(*found);
    return is_timer;
}

}  // namespace

bool queue_signal(Task& task, PendingSignals& pending, const abi::SigInfo& info) {
    // Of a standard signal at most one waits, so the kernel and kill() may always say who they are.
    const bool unlimited = info.signo < abi::SIGRTMIN && info.code >= 0;
    const u64 limit = task.signal->rlimits[abi::RLIMIT_SIGPENDING].current;
    auto place = sched::SignalPlace::take(*task.user, unlimited ? ~u64{0} : limit);
    if (!place) return false;
    Result<void*> memory = sigqueue_cache.alloc(mm::Gfp::Atomic);
    if (!memory.ok()) return false;
    SigQueue* const queued =
        new (memory.take()) SigQueue{.link = {}, .info = info, .place = std::move(place)};
    pending.queue.push_back(*queued);
    return true;
}

int dequeue_signal(Task& task, u64 blocked, abi::SigInfo& info) NO_LOCK_ANALYSIS {
    SignalStruct& signal = *task.signal;
    bool is_timer = false;
    int number = next_signal(*task.pending, blocked);
    if (number != 0) {
        is_timer = collect_signal(*task.pending, number, info);
    } else {
        number = next_signal(signal.shared_pending, blocked);
        if (number != 0) is_timer = collect_signal(signal.shared_pending, number, info);
        if (number == abi::SIGALRM) restart_real_timer(signal);
    }
    if (number != 0 && (sig_bit(number) & kStopSignals)) signal.wait_flags |= kStopDequeued;
    recalc_sigpending(task);
    if (is_timer) {
        task.sighand->lock.unlock();
        posix_timer_taken(info);
        task.sighand->lock.lock();
    }
    return number;
}

bool flush_pending(PendingSignals& pending, u64 mask) {
    if ((pending.set & mask) == 0) return false;
    bool had_timer = false;
    pending.set &= ~mask;
    for (SigQueue& queued : pending.queue.removable()) {
        if ((sig_bit(queued.info.signo) & mask) == 0) continue;
        queued.link.unlink();
        had_timer |= queued.timer != nullptr;
        free_queued(queued);
    }
    return had_timer;
}

void recalc_sigpending(Task& task) {
    const SignalStruct& signal = *task.signal;
    const u64 pending = (task.pending->set | signal.shared_pending.set) & ~task.blocked;
    const bool work = pending != 0 || signal.group_exit || task.has(sched::kNotifyResume) ||
                      (task.jobctl & kTrapWork) || (signal.wait_flags & kNotifyContinued);
    if (work) {
        task.set(sched::kSigPending);
    } else if (task.has(sched::kSigPending)) {
        task.clear(sched::kSigPending);
    }
}

}  // namespace process
