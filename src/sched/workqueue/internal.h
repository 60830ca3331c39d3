/// Inside the work queues: pools, workers, and what connects a work queue to a pool.
///
/// WorkQueue --- PoolQueue (one for each processor, or one) --- WorkerPool --- Worker (many)
///
/// A pool's lock guards the pool, its workers, the PoolQueues that belong to it, and the works that
/// are in their lists. Files: queue.cc puts works in, worker.cc takes them out, pool.cc keeps the
/// right number of workers, flush.cc and cancel.cc wait for works, rescuer.cc helps when there is
/// no memory, workqueue.cc makes and destroys.
#pragma once

#include "core/lock/spin_lock.h"
#include "core/time/hrtimer.h"
#include "sched/mutex.h"
#include "sched/task.h"
#include "sched/workqueue/workqueue.h"

namespace sched {

/// A thread that runs works.
struct Worker {
    enum Flags : u32 {
        kIdle = 1,          // sleeps, and is in pool->idle
        kDie = 2,           // there are too many of us
        kPrepare = 4,       // not in a work: looks after the pool
        kCpuIntensive = 8,  // in a work that others need not wait for
        kUnbound = 16,      // its pool does not count who runs
        kRescuer = 32,
        kNotCounted = kPrepare | kCpuIntensive | kUnbound | kRescuer,
    };

    WorkerPool* pool = nullptr;
    Task* task = nullptr;
    u32 id = 0;
    u32 flags = kPrepare;
    bool is_sleeping = false;  // inside a work, and not counted as running
    ListLink pool_link, idle_link;
    u64 idle_since_ns = 0;
    List<Work, &Work::link> scheduled;  // its own works: to be done before others of the pool

    // Rescuers only.
    WorkQueue* rescued = nullptr;

    // What it does now; null: nothing.
    Work* current_work = nullptr;
    Work::Function current_function = nullptr;
    PoolQueue* current_queue = nullptr;
};

/// Somebody who waits for one work.
struct FlushWaiter {
    ListLink link;
    Work* work;
    Worker* worker;  // who runs it; null: it is still in a list
    Task* task;
    bool done = false;
};

/// The works for one processor (or for all), and those who do them.
struct WorkerPool {
    SpinLock lock{"worker_pool", LockRank::WorkerPool};
    unsigned cpu = kAnyCpu;  // kAnyCpu: unbound
    u32 id = 0;
    i32 nice = 0;
    bool has_manager = false;  // somebody is making a worker
    List<Work, &Work::link> works;
    List<Worker, &Worker::pool_link> workers;
    List<Worker, &Worker::idle_link> idle;  // who came last is first: its caches are warm
    List<FlushWaiter, &FlushWaiter::link> flush_waiters;
    u32 worker_count = 0, idle_count = 0;
    u32 running = 0;  // counted workers that are awake; 0 and works waiting: another is needed
    time::HrTimer idle_timer, mayday_timer;

    WorkerPool();
    bool is_bound() const { return cpu != kAnyCpu; }
};

/// A work queue's part in a pool. Guarded by the pool's lock.
struct PoolQueue {
    WorkerPool* pool = nullptr;
    WorkQueue* wq = nullptr;
    u32 active = 0;                     // in the pool's lists or running
    List<Work, &Work::link> held_back;  // would be too many at once
    u8 color = 0;                       // of works that are queued now
    u32 in_flight[2] = {};              // works of each color that are not done
    Task* flusher = nullptr;            // is woken when in_flight[not color] is 0
    ListLink mayday_link;               // wq->maydays
};

struct WorkQueue {
    char name[24] = {};
    u32 flags = 0;
    u32 max_active = 0;
    u32 queue_count = 0;
    PoolQueue* queues = nullptr;  // one, or one for each possible processor
    std::atomic<u32> draining{0};
    Mutex flush_mutex{"workqueue_flush"};  // one flush at a time
    ListLink all_link;                     // guarded by all_workqueues_lock

    // kWqMemReclaim
    Worker* rescuer = nullptr;
    SpinLock mayday_lock{"workqueue_mayday", LockRank::Mayday};
    List<PoolQueue, &PoolQueue::mayday_link> maydays;

    PoolQueue& queue_of(unsigned cpu) { return queues[queue_count == 1 ? 0 : cpu]; }
};

extern constinit Mutex all_workqueues_lock;
extern List<WorkQueue, &WorkQueue::all_link>& all_workqueues();

/// The pools: 2 * cpu + (urgent) for the processors, then the two unbound ones.
unsigned pool_count();
WorkerPool& pool(unsigned number);
WorkerPool& pool_for(unsigned cpu, u32 flags);

/// Idle workers beyond two leave after this time; tests shorten it.
extern constinit std::atomic<u64> worker_idle_timeout_ns;
/// Makes the pools believe that no thread can be made; for tests of the rescuer.
extern constinit std::atomic<bool> worker_creation_fails;

// --- the caller holds the pool's lock ---------------------------------------------------------

/// Works wait and nobody runs.
bool needs_worker(const WorkerPool& pool);
/// Wakes an idle worker if one is needed.
void kick_pool(WorkerPool& pool);
/// Who runs `work` at the moment; null: nobody in this pool.
Worker* find_executing(WorkerPool& pool, const Work& work);
/// A work of this color is done, or was taken away before it ran (`was_active`: not held back).
void work_is_done(PoolQueue& queue, u8 color, bool was_active);
/// Takes a work out of the list it is in.
void unlist(Work& work);
/// Tells those who wait for `work` while it is listed, or for what `worker` runs, that it is over.
void end_waiting(WorkerPool& pool, const Work* listed, const Worker* worker);

// --- it does not --------------------------------------------------------------------------------

/// Puts a work, whose kPending is the caller's, into a pool. Interrupts are off.
void enqueue(unsigned cpu, WorkQueue& wq, Work& work);

/// What grab_pending() found.
enum class Grabbed : u8 { WasIdle, WasPending, IsCancelled, TryAgain };

/// Makes the work pending for the caller, off all lists; unless somebody else cancels it already
/// (IsCancelled). `delayed`: the same work's timer, or null. Interrupts are off.
Grabbed grab_pending(Work& work, DelayedWork* delayed);
/// Gives up what grab_pending() took.
void release_pending(Work& work);

/// A worker for the pool, in its idle list; the caller wakes it. ENOMEM, EAGAIN. May sleep.
Result<void> create_worker(WorkerPool& pool);
/// The manager's part: makes workers until one is idle. May sleep.
void manage_workers(WorkerPool& pool);
void start_idle_timer(WorkerPool& pool);

/// A worker thread's life.
void worker_thread(void* worker);
/// Runs the works in worker.scheduled. The pool's lock is held before and after, not meanwhile.
void process_scheduled(Worker& worker);

Result<void> create_rescuer(WorkQueue& wq);
void stop_rescuer(WorkQueue& wq);
/// Calls for the rescuers of all whose works wait in `pool`. Holds its lock.
void call_rescuers(WorkerPool& pool);

/// schedule() calls these around a worker's sleep.
void wq_worker_sleeping(Task& task);
void wq_worker_running(Task& task);

/// Gives up the lock of a pool in the middle of a function, and takes it again.
inline void lock_pool(WorkerPool& pool) NO_LOCK_ANALYSIS {
    arch::irq_disable();
    pool.lock.lock();
}
inline void unlock_pool(WorkerPool& pool) NO_LOCK_ANALYSIS {
    pool.lock.unlock();
    arch::irq_enable();
    if (need_resched()) upcall::preempt_schedule();
}

}  // namespace sched
