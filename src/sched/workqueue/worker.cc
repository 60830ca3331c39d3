// What a worker thread does. Linux: worker_thread(), process_one_work(), wq_worker_sleeping().

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "mm/own.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/workqueue/internal.h"
#include "sched/workqueue/workqueue_trace.h"

namespace sched {

namespace {

bool is_counted(u32 flags) { return (flags & Worker::kNotCounted) == 0; }

/// Changes the flags, and with them who counts as running.
void set_flags(Worker& worker, u32 flags) {
    if (is_counted(worker.flags) && !is_counted(flags)) worker.pool->running--;
    if (!is_counted(worker.flags) && is_counted(flags)) worker.pool->running++;
    worker.flags = flags;
}

void enter_idle(Worker& worker) {
    WorkerPool& pool = *worker.pool;
    worker.flags |= Worker::kIdle;
    worker.idle_since_ns = time::now_ns();
    pool.idle.push_front(worker);
    pool.idle_count++;
    start_idle_timer(pool);
}

void leave_idle(Worker& worker) {
    worker.flags &= ~u32{Worker::kIdle};
    worker.idle_link.unlink();
    worker.pool->idle_count--;
}

/// A work that runs already, on another worker, waits for that one.
bool is_for_other(Worker& worker, Work& work) {
    Worker* const other = find_executing(*worker.pool, work);
    if (other == nullptr) return false;
    work.link.unlink();
    other->scheduled.push_back(work);
    return true;
}

void report_leak(const Worker& worker, Work::Function function) {
    const Symbol symbol = find_symbol(reinterpret_cast<u64>(function));
    printk(Level::Err, "workqueue: %s on %s left with preempt_count %#x or interrupts off",
           symbol.name, worker.task->comm, preempt_depth());
    arch::this_cpu_add(preempt_count, -preempt_depth());
    arch::irq_enable();
}

/// Calls the function, without any lock. The work may be gone afterwards.
void call(Worker& worker, Work& work) {
    const Work::Function function = worker.current_function;
    const u64 address = reinterpret_cast<u64>(&work), code = reinterpret_cast<u64>(function);
    trace::point(WorkqueueExecuteStart{.work = address, .function = code});
    function(work);
    trace::point(WorkqueueExecuteEnd{.work = address, .function = code});
    if (!may_sleep()) [[unlikely]] {
        report_leak(worker, function);
    }
}

/// Takes the work out of its list and does it.
void process_one(Worker& worker, Work& work) NO_LOCK_ANALYSIS {
    WorkerPool& pool = *worker.pool;
    PoolQueue& queue = *work.queue;
    const u8 color = work.color;
    worker.current_work = &work;
    worker.current_function = work.function;
    worker.current_queue = &queue;
    unlist(work);
    for (FlushWaiter& waiter : pool.flush_waiters) {
        if (waiter.work == &work && waiter.worker == nullptr) waiter.worker = &worker;
    }
    if (queue.wq->flags & kWqCpuIntensive) set_flags(worker, worker.flags | Worker::kCpuIntensive);
    kick_pool(pool);  // an unbound pool, or an intensive work: the next one need not wait for us
    // From here on it can be queued again; who does sees that we have begun.
    release_pending(work);
    unlock_pool(pool);
    call(worker, work);
    lock_pool(pool);
    if (worker.flags & Worker::kCpuIntensive) {
        set_flags(worker, worker.flags & ~u32{Worker::kCpuIntensive});
    }
    worker.current_work = nullptr;
    worker.current_function = nullptr;
    worker.current_queue = nullptr;
    end_waiting(pool, nullptr, &worker);
    work_is_done(queue, color, true);
}

/// One look after another: is there work, and is there somebody for the next one? False: no.
bool work_for_a_while(Worker& worker) NO_LOCK_ANALYSIS {
    WorkerPool& pool = *worker.pool;
    if (!needs_worker(pool)) return false;
    if (pool.idle_count == 0 && !pool.has_manager) {
        // Before we begin: the works may sleep for long, or wait for memory.
        pool.has_manager = true;
        unlock_pool(pool);
        manage_workers(pool);
        lock_pool(pool);
        pool.has_manager = false;
        return true;
    }
    set_flags(worker, worker.flags & ~u32{Worker::kPrepare});
    do {
        Work& work = *pool.works.front();
        if (is_for_other(worker, work)) continue;
        work.link.unlink();
        worker.scheduled.push_back(work);
        process_scheduled(worker);
        // Others of ours may have woken up meanwhile: then one of us is enough.
    } while (!pool.works.empty() && pool.running <= 1);
    set_flags(worker, worker.flags | Worker::kPrepare);
    return true;
}

void leave(Worker& worker) NO_LOCK_ANALYSIS {
    WorkerPool& pool = *worker.pool;
    worker.pool_link.unlink();
    worker.task->clear(kWqWorker);
    unlock_pool(pool);
    mm::destroy(&worker);
}

}  // namespace

void process_scheduled(Worker& worker) {
    while (Work* work = worker.scheduled.front()) process_one(worker, *work);
}

void worker_thread(void* argument) NO_LOCK_ANALYSIS {
    Worker& worker = *static_cast<Worker*>(argument);
    WorkerPool& pool = *worker.pool;
    lock_pool(pool);
    for (;;) {
        if (worker.flags & Worker::kDie) return leave(worker);
        leave_idle(worker);
        while (work_for_a_while(worker)) {
        }
        enter_idle(worker);
        set_current_state(kInterruptible);
        unlock_pool(pool);
        schedule();
        lock_pool(pool);
    }
}

// --- what schedule() calls
// ------------------------------------------------------------------------

void wq_worker_sleeping(Task& task) {
    Worker& worker = *static_cast<Worker*>(kthread_data(task));
    if (!is_counted(worker.flags)) return;  // nobody else changes them
    IrqGuard guard(worker.pool->lock);
    if (worker.is_sleeping) return;
    worker.is_sleeping = true;
    worker.pool->running--;
    kick_pool(*worker.pool);
}

void wq_worker_running(Task& task) {
    Worker& worker = *static_cast<Worker*>(kthread_data(task));
    if (!worker.is_sleeping) return;
    IrqGuard guard(worker.pool->lock);
    worker.is_sleeping = false;
    if (is_counted(worker.flags)) worker.pool->running++;
}

bool current_is_workqueue_worker() { return current().has(kWqWorker); }

}  // namespace sched
