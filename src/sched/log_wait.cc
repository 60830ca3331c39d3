// See log_wait.h.
//
// Most records interest nobody: then printk() only looks at `armed`. Why no news is lost: a reader
// sets it and then looks at the log; printk() puts a record into the log and then looks at it.

#include "sched/log_wait.h"

#include <atomic>

#include "core/irq_work/irq_work.h"
#include "core/log/printk.h"

namespace sched {

namespace {

constinit SpinLock lock{"log_wait", LockRank::Tty};
constinit WaitQueue waiters;
constinit std::atomic<bool> armed{false};

void wake_readers(IrqWork&) {
    IrqGuard guard(lock);
    waiters.wake_all();
    // Sleepers set it again; who polls stays in the queue, and does not.
    armed.store(waiters.has_waiters(), std::memory_order_seq_cst);
}
constinit IrqWork work{wake_readers, IrqWork::Lazy::Yes};

void note_record() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (armed.load(std::memory_order_relaxed)) work.queue();
}

}  // namespace

Result<void> wait_for_log(u64 sequence) {
    IrqGuard guard(lock);
    for (;;) {
        armed.store(true, std::memory_order_seq_cst);
        if (log_next_sequence() > sequence) return {};
        TRY(waiters.sleep(lock));
    }
}

WaitQueue& log_waiters() { return waiters; }
void arm_log_wait() { armed.store(true, std::memory_order_seq_cst); }

void init_log_wait() { log_wake_readers = note_record; }

}  // namespace sched
