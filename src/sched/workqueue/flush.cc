// Waiting for works: for one, or for all of a queue. Linux: __flush_work(), __flush_workqueue(),
// drain_workqueue().
//
// A flush of a queue must wait for the works that were queued before it, and not for those queued
// later, or it might never end. So works have one of two colors: a flush changes the color that
// new ones get, and waits until none of the old color is left. The next flush waits for this one.

#include "sched/sched.h"
#include "sched/workqueue/internal.h"

namespace sched {

void end_waiting(WorkerPool& pool, const Work* listed, const Worker* worker) {
    for (FlushWaiter& waiter : pool.flush_waiters) {
        const bool is_over = worker != nullptr ? waiter.worker == worker
                                               : waiter.worker == nullptr && waiter.work == listed;
        if (!is_over || waiter.done) continue;
        waiter.done = true;
        wake_up_process(*waiter.task);
    }
}

namespace {

/// Joins those who wait for `work`, if it is in one of the pool's lists or runs.
bool start_waiting(WorkerPool& pool, Work& work, FlushWaiter& waiter) {
    IrqGuard guard(pool.lock);
    waiter.work = &work;
    waiter.task = &current();
    waiter.worker = nullptr;
    if (work.on_list.load(std::memory_order_relaxed) != &pool) {
        waiter.worker = find_executing(pool, work);
        if (waiter.worker == nullptr) return false;
        ASSERT(waiter.worker->task != waiter.task);  // a work that waits for itself
    }
    pool.flush_waiters.push_back(waiter);
    return true;
}

void wait_until_done(WorkerPool& pool, FlushWaiter& waiter) {
    for (;;) {
        {
            IrqGuard guard(pool.lock);
            if (waiter.done) {
                waiter.link.unlink();
                set_current_state(kRunning);
                return;
            }
            set_current_state(kUninterruptible);
        }
        schedule();
    }
}

/// Gives works that come from now on the other color, and says who waits for the old ones.
void change_color(PoolQueue& queue) {
    IrqGuard guard(queue.pool->lock);
    queue.color ^= 1;
    queue.flusher = &current();
}

bool is_flushed(PoolQueue& queue) {
    IrqGuard guard(queue.pool->lock);
    return queue.in_flight[queue.color ^ 1] == 0;
}

bool is_empty(PoolQueue& queue) {
    IrqGuard guard(queue.pool->lock);
    return queue.in_flight[0] == 0 && queue.in_flight[1] == 0;
}

template <bool (*test)(PoolQueue&)>
bool all_queues(WorkQueue& wq) {
    for (u32 i = 0; i < wq.queue_count; i++) {
        if (!test(wq.queues[i])) return false;
    }
    return true;
}

}  // namespace

bool flush_work(Work& work) {
    WorkerPool* const pool = work.last_pool.load(std::memory_order_acquire);
    if (pool == nullptr) return false;
    FlushWaiter waiter;
    if (!start_waiting(*pool, work, waiter)) return false;
    wait_until_done(*pool, waiter);
    return true;
}

bool flush_delayed_work(DelayedWork& work) {
    if (work.timer.cancel()) {  // else its callback has enqueued the work by now, if it ran
        IrqOffGuard guard;
        enqueue(work.cpu, *work.wq, work.work);
    }
    return flush_work(work.work);
}

void flush_workqueue(WorkQueue& wq) {
    MutexGuard one_at_a_time(wq.flush_mutex);
    for (u32 i = 0; i < wq.queue_count; i++) change_color(wq.queues[i]);
    for (;;) {
        set_current_state(kUninterruptible);
        if (all_queues<is_flushed>(wq)) break;
        schedule();
    }
    set_current_state(kRunning);
    for (u32 i = 0; i < wq.queue_count; i++) {
        IrqGuard guard(wq.queues[i].pool->lock);
        wq.queues[i].flusher = nullptr;
    }
}

void drain_workqueue(WorkQueue& wq) {
    wq.draining.fetch_add(1);
    do {
        flush_workqueue(wq);
    } while (!all_queues<is_empty>(wq));
    wq.draining.fetch_sub(1);
}

}  // namespace sched
