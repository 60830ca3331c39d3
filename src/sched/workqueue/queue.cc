// Putting works in. Linux: queue_work_on(), __queue_work(), insert_work().

#include <cstddef>

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/workqueue/internal.h"
#include "sched/workqueue/workqueue_trace.h"

namespace sched {

bool needs_worker(const WorkerPool& pool) { return !pool.works.empty() && pool.running == 0; }

void kick_pool(WorkerPool& pool) {
    if (!needs_worker(pool)) return;
    if (Worker* worker = pool.idle.front()) wake_up_process(*worker->task);
}

Worker* find_executing(WorkerPool& pool, const Work& work) {
    for (Worker& worker : pool.workers) {
        // The function as well: the memory of a work that freed itself may be another's by now.
        if (worker.current_work == &work && worker.current_function == work.function) {
            return &worker;
        }
    }
    return nullptr;
}

/// Lets it run: `work` is counted and goes to the workers.
static void activate(PoolQueue& queue, Work& work) {
    queue.active++;
    work.is_active = true;
    trace::point(WorkqueueActivateWork{.work = reinterpret_cast<u64>(&work)});
    queue.pool->works.push_back(work);
}

void unlist(Work& work) {
    work.link.unlink();
    work.on_list.store(nullptr, std::memory_order_release);
}

void work_is_done(PoolQueue& queue, u8 color, bool was_active) {
    if (was_active) {
        queue.active--;
        if (Work* next = queue.held_back.front()) {
            if (queue.active < queue.wq->max_active) {
                next->link.unlink();
                activate(queue, *next);
                kick_pool(*queue.pool);
            }
        }
    }
    if (--queue.in_flight[color] == 0 && queue.flusher != nullptr) {
        wake_up_process(*queue.flusher);
    }
}

/// Where `work` belongs: where it runs just now, if it does, so that it never runs twice at once.
static PoolQueue& choose_queue(PoolQueue& wanted, Work& work) {
    WorkerPool* const last = work.last_pool.load(std::memory_order_acquire);
    if (last == nullptr || last == wanted.pool) return wanted;
    IrqGuard guard(last->lock);
    const Worker* const worker = find_executing(*last, work);
    const bool same = worker != nullptr && worker->current_queue->wq == wanted.wq;
    return same ? *worker->current_queue : wanted;
}

/// While `wq` is drained, only its own works may queue more.
static bool is_refused(const WorkQueue& wq) {
    if (wq.draining.load(std::memory_order_relaxed) == 0) return false;
    if (in_task() && current().has(kWqWorker)) {
        const Worker* const worker = static_cast<Worker*>(kthread_data(current()));
        if (worker->current_queue != nullptr && worker->current_queue->wq == &wq) return false;
    }
    printk(Level::Err, "workqueue %s: a work is queued from outside while it is drained", wq.name);
    return true;
}

void enqueue(unsigned cpu, WorkQueue& wq, Work& work) {
    if (is_refused(wq)) [[unlikely]] {
        release_pending(work);
        return;
    }
    PoolQueue& queue = choose_queue(wq.queue_of(cpu == kAnyCpu ? cpu_id() : cpu), work);
    WorkerPool& pool = *queue.pool;
    IrqGuard guard(pool.lock);
    trace_queue_work(work, wq.name, cpu, pool.cpu);
    work.queue = &queue;
    work.color = queue.color;
    work.last_pool.store(&pool, std::memory_order_relaxed);
    work.on_list.store(&pool, std::memory_order_release);
    queue.in_flight[queue.color]++;
    if (queue.active < wq.max_active) {
        activate(queue, work);
        kick_pool(pool);
    } else {
        work.is_active = false;
        queue.held_back.push_back(work);
    }
}

bool queue_work_on(unsigned cpu, WorkQueue& wq, Work& work) {
    ASSERT(cpu == kAnyCpu || online_cpus.has(cpu));
    IrqOffGuard guard;
    if (work.state.fetch_or(Work::kPending, std::memory_order_acq_rel) & Work::kPending) {
        return false;
    }
    enqueue(cpu, wq, work);
    return true;
}

bool queue_work(WorkQueue& wq, Work& work) { return queue_work_on(kAnyCpu, wq, work); }

// --- delayed ------------------------------------------------------------------------------------

time::Restart DelayedWork::expired(time::HrTimer& timer) {
    auto& self = *reinterpret_cast<DelayedWork*>(reinterpret_cast<u64>(&timer) -
                                                 offsetof(DelayedWork, timer));
    enqueue(self.cpu, *self.wq, self.work);
    return time::Restart::No;
}

/// Its kPending is ours.
static void start_delayed(unsigned cpu, WorkQueue& wq, DelayedWork& work, u64 delay_ns) {
    if (delay_ns == 0) {
        enqueue(cpu, wq, work.work);
        return;
    }
    work.wq = &wq;
    work.cpu = cpu;
    work.timer.start(delay_ns, time::TimerMode::Relative);
}

bool queue_delayed_work_on(unsigned cpu, WorkQueue& wq, DelayedWork& work, u64 delay_ns) {
    IrqOffGuard guard;
    if (work.work.state.fetch_or(Work::kPending, std::memory_order_acq_rel) & Work::kPending) {
        return false;
    }
    start_delayed(cpu, wq, work, delay_ns);
    return true;
}

bool queue_delayed_work(WorkQueue& wq, DelayedWork& work, u64 delay_ns) {
    return queue_delayed_work_on(kAnyCpu, wq, work, delay_ns);
}

bool mod_delayed_work(WorkQueue& wq, DelayedWork& work, u64 delay_ns) {
    IrqOffGuard guard;
    const Grabbed result = grab_pending(work.work, &work);
    if (result != Grabbed::IsCancelled) start_delayed(kAnyCpu, wq, work, delay_ns);
    return result == Grabbed::WasPending;
}

}  // namespace sched
