// PollWait: entries on wait queues whose callback wakes one task. See ipc/poll_wait.h.
#include "ipc/poll_wait.h"

#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "mm/own.h"
#include "sched/sched.h"

namespace ipc {
namespace {

/// A timer that wakes the task that armed it.
struct WakeTimer {
    time::HrTimer timer{expired};  // first: expired() gets from the timer to this
    sched::Task* task = &sched::current();

    static time::Restart expired(time::HrTimer& timer) {
        sched::try_to_wake_up(*reinterpret_cast<WakeTimer&>(timer).task, sched::kInterruptible);
        return time::Restart::No;
    }
};

}  // namespace

bool schedule_until(u64 deadline_ns) {
    if (deadline_ns == sched::kForever) {
        sched::schedule();
        return false;
    }
    if (time::now_ns() >= deadline_ns) {
        sched::set_current_state(sched::kRunning);
        return true;
    }
    WakeTimer wake;
    wake.timer.start(deadline_ns);
    sched::schedule();
    wake.timer.cancel();
    return time::now_ns() >= deadline_ns;
}

PollWait::PollWait() : task_(sched::current()) {}

PollWait::~PollWait() {
    for (usize i = 0; i < inline_used_; i++) {
        inline_entries_[i].queue->remove(inline_entries_[i].link);
    }
    while (Chunk* chunk = chunks_) {
        chunks_ = chunk->next;
        for (usize i = 0; i < chunk->used; i++) {
            chunk->entries[i].queue->remove(chunk->entries[i].link);
        }
        mm::destroy(chunk);
    }
}

PollWait::Entry* PollWait::new_entry() {
    if (inline_used_ < kInline) return &inline_entries_[inline_used_++];
    if (!chunks_ || chunks_->used == kPerChunk) {
        auto chunk = mm::make<Chunk>();
        if (!chunk.ok()) return nullptr;
        chunk.value()->used = 0;
        chunk.value()->next = chunks_;
        chunks_ = chunk.take().leak();
    }
    return &chunks_->entries[chunks_->used++];
}

void PollWait::wait_on(sched::WaitQueue& queue) {
    Entry* entry = new_entry();
    if (!entry) {
        out_of_memory_ = true;
        return;
    }
    entry->queue = &queue;
    entry->link.callback = woken;
    entry->link.context = this;
    queue.add(entry->link);
}

void PollWait::woken(sched::WaitQueueEntry& entry) {
    auto& wait = *static_cast<PollWait*>(entry.context);
    wait.triggered_.store(true, std::memory_order_seq_cst);
    sched::try_to_wake_up(wait.task_, sched::kInterruptible);
}

void PollWait::prepare() { triggered_.store(false, std::memory_order_seq_cst); }

Result<bool> PollWait::sleep(u64 deadline_ns) {
    // The state comes before the test: whoever sets triggered_ after the test finds us asleep.
    sched::set_current_state(sched::kInterruptible);
    if (sched::signal_pending(task_)) {
        finish();
        return ERESTARTNOHAND;
    }
    bool is_over = false;
    if (!triggered_.load(std::memory_order_seq_cst)) is_over = schedule_until(deadline_ns);
    finish();
    return is_over;
}

void PollWait::finish() { sched::set_current_state(sched::kRunning); }

}  // namespace ipc
