// How many workers a pool has: enough that one is always idle, and not many more.
// Linux: manage_workers(), create_worker(), idle_worker_timeout(), pool_mayday_timeout().

#include "core/time/clock.h"
#include "lib/format.h"
#include "mm/own.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"
#include "sched/workqueue/internal.h"

namespace sched {

constinit std::atomic<u64> worker_idle_timeout_ns{300 * time::kNsPerSec};
constinit std::atomic<bool> worker_creation_fails{false};

namespace {

constexpr u64 kCreateCooldownNs = 100 * time::kNsPerMs;
constexpr u64 kMaydayInitialNs = 10 * time::kNsPerMs;
constexpr u64 kMaydayIntervalNs = 100 * time::kNsPerMs;
constexpr u32 kKeptIdle = 2;
constexpr u32 kBusyPerIdle = 4;

/// Two idle workers are fine, more only if many are busy.
bool has_too_many(const WorkerPool& pool) {
    const u32 idle = pool.idle_count + pool.has_manager;
    const u32 busy = pool.worker_count - pool.idle_count;
    return idle > kKeptIdle && (idle - kKeptIdle) * kBusyPerIdle >= busy;
}

template <time::HrTimer WorkerPool::*timer>
WorkerPool& pool_of(time::HrTimer& inner) {
    // Which of the few pools has this timer?
    for (unsigned i = 0; i < pool_count(); i++) {
        if (&(pool(i).*timer) == &inner) return pool(i);
    }
    __builtin_unreachable();
}

/// Sends away the workers that have been idle for long; the last of the list is the oldest.
time::Restart idle_expired(time::HrTimer& timer) {
    WorkerPool& pool = pool_of<&WorkerPool::idle_timer>(timer);
    IrqGuard guard(pool.lock);
    while (has_too_many(pool)) {
        Worker& oldest = *pool.idle.back();
        const u64 due = oldest.idle_since_ns + worker_idle_timeout_ns.load();
        if (due > time::now_ns()) {
            timer.set_expires(due);
            return time::Restart::Yes;
        }
        oldest.flags |= Worker::kDie;
        oldest.idle_link.unlink();  // nobody must call it for a work any more
        pool.idle_count--;
        pool.worker_count--;
        wake_up_process(*oldest.task);
    }
    return time::Restart::No;
}

/// The manager gets no thread: those who have one in reserve shall help.
time::Restart mayday_expired(time::HrTimer& timer) {
    WorkerPool& pool = pool_of<&WorkerPool::mayday_timer>(timer);
    IrqGuard guard(pool.lock);
    if (!pool.has_manager) return time::Restart::No;
    if (needs_worker(pool)) call_rescuers(pool);
    timer.forward_now(kMaydayIntervalNs);
    return time::Restart::Yes;
}

/// The lowest number that none of its workers has.
u32 free_id(WorkerPool& pool) {
    IrqGuard guard(pool.lock);
    for (u32 id = 0;; id++) {
        bool used = false;
        for (Worker& worker : pool.workers) used |= worker.id == id;
        if (!used) return id;
    }
}

Result<Task*> create_thread(Worker& worker) {
    if (worker_creation_fails.load(std::memory_order_relaxed)) return ENOMEM;
    WorkerPool& pool = *worker.pool;
    char name[16];
    if (pool.is_bound()) {
        format_to(name, "kworker/%u:%u%s", pool.cpu, worker.id, pool.nice < 0 ? "H" : "");
    } else {
        format_to(name, "kworker/u%u:%u", pool.id, worker.id);
    }
    Task* const task = TRY(kthread_create(worker_thread, &worker, name));
    task->set(kWqWorker);
    set_user_nice(*task, pool.nice);
    if (pool.is_bound()) {
        kthread_bind(*task, pool.cpu);
    } else {
        task->set(kNoSetAffinity);
    }
    return task;
}

}  // namespace

WorkerPool::WorkerPool() : idle_timer(idle_expired), mayday_timer(mayday_expired) {}

void start_idle_timer(WorkerPool& pool) {
    if (has_too_many(pool) && !pool.idle_timer.is_queued()) {
        pool.idle_timer.start(time::now_ns() + worker_idle_timeout_ns.load());
    }
}

Result<void> create_worker(WorkerPool& pool) {
    mm::Own<Worker> worker = TRY(mm::make<Worker>());
    worker->pool = &pool;
    worker->id = free_id(pool);
    worker->flags = Worker::kPrepare | Worker::kIdle;
    if (!pool.is_bound()) worker->flags |= Worker::kUnbound;
    worker->idle_since_ns = time::now_ns();
    worker->task = TRY(create_thread(*worker));
    Task& task = *worker->task;
    {
        IrqGuard guard(pool.lock);
        Worker& made = *worker.leak();
        pool.workers.push_back(made);
        pool.worker_count++;
        pool.idle.push_front(made);
        pool.idle_count++;
    }
    wake_up_new_task(task);
    return {};
}

void manage_workers(WorkerPool& pool) {
    pool.mayday_timer.start(time::now_ns() + kMaydayInitialNs);
    for (;;) {
        if (create_worker(pool).ok()) break;
        {
            IrqGuard guard(pool.lock);
            if (!needs_worker(pool)) break;
        }
        (void)sleep_until(time::now_ns() + kCreateCooldownNs).ok();
    }
    pool.mayday_timer.cancel();
}

}  // namespace sched
