/// Work queues: functions that are called soon, by a kernel thread, so they may sleep.
/// Linux: include/linux/workqueue.h, kernel/workqueue.c.
///
///     void write_back(Work& work);
///     constinit Work work{write_back};
///     schedule_work(work);                       // from anywhere: an interrupt, under a lock
///     cancel_work_sync(work);                    // before it goes away
///
/// A work is *pending* from queue_work() until just before its function is called: meanwhile it
/// cannot be queued again; from then on it can, even by its own function, which may also free it.
/// It never runs twice at once, as long as it is queued to one and the same work queue.
///
/// Nobody has threads of his own: all work queues share the workers of a few pools, two for each
/// processor (normal and urgent), two for work that may run anywhere. A processor's pool keeps one
/// worker running: when that sleeps inside a work, another takes over, so that works neither wait
/// for each other's sleep nor crowd the processor. What a work queue of its own gives is a limit on
/// how many of its works are on their way at once, flushing, and a rescuer.
///
/// Unless said otherwise, functions here may be called in any context but NMI, holding any lock
/// that ranks above LockRank::WorkerPool.
#pragma once

#include <atomic>

#include "core/time/hrtimer.h"
#include "lib/list.h"
#include "lib/result.h"

namespace sched {

struct WorkerPool;
struct PoolQueue;
struct WorkQueue;

/// A function to be called. Part of what it works on; the function finds that by its address.
struct Work {
    using Function = void (*)(Work& work);
    enum State : u32 { kPending = 1, kCanceling = 2 };

    constexpr explicit Work(Function fn) : function(fn) {}
    Work(const Work&) = delete;

    bool is_pending() const { return state.load(std::memory_order_acquire) & kPending; }

    // All below belongs to the work queues. Guarded by the lock of the pool it is with:
    StaticListLink link;         // in a list of that pool
    PoolQueue* queue = nullptr;  // through which it came; valid while on_list
    u8 color = 0;                // which flush waits for it
    bool is_active = false;      // counted in queue->active, not held back
    const Function function;
    std::atomic<u32> state{0};
    std::atomic<WorkerPool*> on_list{nullptr};    // whose lists it is in; null: none
    std::atomic<WorkerPool*> last_pool{nullptr};  // where it was queued last
};

/// A work that is queued by a timer. Not for global objects: a timer has a destructor.
struct DelayedWork {
    explicit DelayedWork(Work::Function fn) : work(fn), timer(expired) {}
    ~DelayedWork() { timer.cancel(); }

    bool is_pending() const { return work.is_pending(); }

    Work work;  // first: to_delayed_work() relies on it
    time::HrTimer timer;
    WorkQueue* wq = nullptr;  // where it goes
    unsigned cpu = 0;

private:
    static time::Restart expired(time::HrTimer& timer);
};

/// The DelayedWork whose function was called.
inline DelayedWork& to_delayed_work(Work& work) { return reinterpret_cast<DelayedWork&>(work); }

enum WorkQueueFlags : u32 {
    kWqUnbound = 1 << 1,       // runs wherever there is time
    kWqMemReclaim = 1 << 3,    // memory is freed through it: has a thread in reserve
    kWqHighPri = 1 << 4,       // by workers of nice -20
    kWqCpuIntensive = 1 << 5,  // computes for long: others on the processor need not wait for it
    kWqOrdered = 1 << 19,      // one after the other, in the order of queueing
};

/// As many works of one queue may be on their way on a processor if it does not say (Linux'
/// WQ_DFL_ACTIVE).
inline constexpr u32 kWqDefaultActive = 256;
inline constexpr u32 kWqMaxActive = 512;

inline constexpr unsigned kAnyCpu = ~0u;  // the one that queues it

/// A work queue. `max_active` 0: the default; with kWqOrdered it is 1. `name` is copied, at most 23
/// letters. EINVAL: too many at once; ENOMEM, EAGAIN: no memory, no rescuer. May sleep.
Result<WorkQueue*> alloc_workqueue(const char* name, u32 flags, u32 max_active);

/// Waits until all its works are done, also those that they queue, and frees it. Nobody may queue
/// to it from outside any more; nor may a delayed work be on its way. May sleep.
void destroy_workqueue(WorkQueue* wq);

/// For those who need no queue of their own. "events", "events_highpri", "events_long",
/// "events_unbound".
extern WorkQueue* system_wq;
extern WorkQueue* system_highpri_wq;
extern WorkQueue* system_long_wq;
extern WorkQueue* system_unbound_wq;

/// Has the function called by a worker: of this processor or of `cpu`, or, if `wq` is unbound, of
/// any. False if it is pending already (or being cancelled).
bool queue_work(WorkQueue& wq, Work& work);
bool queue_work_on(unsigned cpu, WorkQueue& wq, Work& work);
inline bool schedule_work(Work& work) { return queue_work(*system_wq, work); }

/// As queue_work(), `delay_ns` from now or a little later; 0: at once.
bool queue_delayed_work(WorkQueue& wq, DelayedWork& work, u64 delay_ns);
bool queue_delayed_work_on(unsigned cpu, WorkQueue& wq, DelayedWork& work, u64 delay_ns);
inline bool schedule_delayed_work(DelayedWork& work, u64 delay_ns) {
    return queue_delayed_work(*system_wq, work, delay_ns);
}

/// As queue_delayed_work(), but if it is pending, its time is set anew. True if it was pending.
/// Of many calls before it runs, one run comes.
bool mod_delayed_work(WorkQueue& wq, DelayedWork& work, u64 delay_ns);

/// Waits until the work, as it was queued last, has run. False if it was idle. May sleep; not from
/// the work itself.
bool flush_work(Work& work);
/// As flush_work(); the rest of the delay is skipped.
bool flush_delayed_work(DelayedWork& work);

/// Takes it off the queue. True if it was pending. Its function may be running.
bool cancel_work(Work& work);
bool cancel_delayed_work(DelayedWork& work);

/// As cancel_work(), and waits until the function has returned: from then on nobody uses the work,
/// even if the function queues it again. May sleep; not from the work itself.
bool cancel_work_sync(Work& work);
bool cancel_delayed_work_sync(DelayedWork& work);

/// Waits until all works that are queued to `wq` now have run. May sleep; not from one of them.
void flush_workqueue(WorkQueue& wq);

/// Waits until `wq` is empty. Meanwhile only its own works may queue to it; what others queue is
/// dropped, and reported. May sleep.
void drain_workqueue(WorkQueue& wq);

/// True in a work's function.
bool current_is_workqueue_worker();

/// Boot: the pools, and then, when there are threads and processors, their workers. Between the two
/// works can be queued.
void init_workqueues_early();
void init_workqueues();

}  // namespace sched
