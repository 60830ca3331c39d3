// A thread in reserve. To free memory, works may have to run; to run them, a pool may need another
// worker; and to make that, memory. Who takes part in freeing memory therefore has a thread made
// beforehand, which does his works whenever a pool cannot get a worker. Linux: rescuer_thread().

#include "lib/string.h"
#include "mm/own.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/workqueue/internal.h"

namespace sched {

namespace {

PoolQueue* next_mayday(WorkQueue& wq) {
    IrqGuard guard(wq.mayday_lock);
    return wq.maydays.pop_front();
}

/// Takes the queue's waiting works, up to now, and does them; on their own processor.
void help(Worker& rescuer, PoolQueue& queue) NO_LOCK_ANALYSIS {
    WorkerPool& pool = *queue.pool;
    if (pool.is_bound()) (void)set_cpus_allowed(*rescuer.task, u64{1} << pool.cpu).ok();
    lock_pool(pool);
    rescuer.pool = &pool;
    pool.workers.push_back(rescuer);  // so that others find what it runs
    for (Work* work = pool.works.front(); work != nullptr;) {
        Work* const next = pool.works.next(*work);
        if (work->queue == &queue && find_executing(pool, *work) == nullptr) {
            work->link.unlink();
            rescuer.scheduled.push_back(*work);
        }
        work = next;
    }
    process_scheduled(rescuer);
    rescuer.pool_link.unlink();
    rescuer.pool = nullptr;
    kick_pool(pool);
    unlock_pool(pool);
}

void rescuer_thread(void* argument) {
    Worker& rescuer = *static_cast<Worker*>(argument);
    WorkQueue& wq = *rescuer.rescued;
    while (!kthread_should_stop()) {
        while (PoolQueue* queue = next_mayday(wq)) help(rescuer, *queue);
        set_current_state(kInterruptible);
        bool is_needed;
        {
            IrqGuard guard(wq.mayday_lock);
            is_needed = !wq.maydays.empty();
        }
        if (!is_needed && !kthread_should_stop()) schedule();
        set_current_state(kRunning);
    }
    current().clear(kWqWorker);  // its Worker goes away
}

}  // namespace

Result<void> create_rescuer(WorkQueue& wq) {
    mm::Own<Worker> rescuer = TRY(mm::make<Worker>());
    rescuer->flags = Worker::kRescuer;
    rescuer->rescued = &wq;
    rescuer->task = TRY(kthread_create(rescuer_thread, rescuer.get(), wq.name));
    rescuer->task->ref_count.inc();
    rescuer->task->set(kWqWorker);
    set_user_nice(*rescuer->task, -20);
    wake_up_new_task(*rescuer->task);
    wq.rescuer = rescuer.leak();
    return {};
}

void stop_rescuer(WorkQueue& wq) {
    Worker* const rescuer = wq.rescuer;
    if (rescuer == nullptr) return;
    (void)kthread_stop(*rescuer->task).ok();
    if (rescuer->task->ref_count.dec_and_test()) Task::release(rescuer->task);
    mm::destroy(rescuer);
    wq.rescuer = nullptr;
}

void call_rescuers(WorkerPool& pool) {
    for (Work& work : pool.works) {
        PoolQueue& queue = *work.queue;
        WorkQueue& wq = *queue.wq;
        if (wq.rescuer == nullptr) continue;
        IrqGuard guard(wq.mayday_lock);
        if (queue.mayday_link.is_linked()) continue;
        wq.maydays.push_back(queue);
        wake_up_process(*wq.rescuer->task);
    }
}

}  // namespace sched
