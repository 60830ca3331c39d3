// The deadline class: earliest deadline first, with a constant bandwidth server for each task.
// Linux: kernel/sched/deadline.c.

#include "abi/sched.h"
#include "mm/slab.h"
#include "sched/run_queue.h"

namespace sched {

namespace {

constinit mm::KmemCache dl_cache("sched_dl_entity", sizeof(DlEntity), 0);

void begin_new_job(DlEntity& dl, u64 now) {
    dl.absolute_deadline = now + dl.params.deadline;
    dl.runtime_left = i64(dl.params.runtime);
}

/// The task comes from another class: whatever it was before in this one is forgotten. A timer of
/// then may still go off, and finds nothing to do.
void start_anew(DlEntity& dl, u64 now) {
    dl.throttled = dl.yielded = dl.parked = false;
    begin_new_job(dl, now);
}

/// What is left may be used until the old deadline only if that asks for no more than the task's
/// share: left / (deadline - now) <= runtime / deadline. All are below 2^32.
bool exceeds_share(const DlEntity& dl, u64 now) {
    const u64 left = u64(std::max<i64>(dl.runtime_left, 0));
    return left * dl.params.deadline > (dl.absolute_deadline - now) * dl.params.runtime;
}

/// Gives the runtime of as many periods as it takes to have some.
void replenish(DlEntity& dl, u64 now) {
    while (dl.runtime_left <= 0) {
        dl.absolute_deadline += dl.params.period;
        dl.runtime_left += i64(dl.params.runtime);
    }
    if (i64(dl.absolute_deadline - now) <= 0) begin_new_job(dl, now);
    dl.throttled = dl.yielded = false;
}

void count(RunQueue& rq) {
    rq.nr_running++;
    rq.dl.nr_running++;
}
void uncount(RunQueue& rq) {
    rq.nr_running--;
    rq.dl.nr_running--;
}

void park(DlEntity& dl) { dl.parked = true; }

/// A new period has begun. True if the task wants to hear that the last one was too short for it.
bool begin_period(DlEntity& dl) NO_LOCK_ANALYSIS {
    Task& task = dl.task;
    TaskRqGuard guard(task);
    RunQueue& rq = guard.rq();
    const bool tells = std::exchange(dl.overrun, false);
    if (task.sched_class != ClassId::Deadline) return false;
    rq.update_curr();
    replenish(dl, rq.clock);
    if (!dl.parked) return tells;
    dl.parked = false;
    rq.dl.tree.insert(task);
    count(rq);
    rq.note_waiting();
    if (rq.should_preempt(task)) resched_curr(rq);
    return tells;
}

time::Restart period_begins(time::HrTimer& timer) {
    DlEntity& dl = reinterpret_cast<DlEntity&>(timer);  // its first member
    if (begin_period(dl) && dl_overrun_hook != nullptr) dl_overrun_hook(dl.task);
    return time::Restart::No;
}

/// The task has used its runtime up, or needs no more of it: nothing until its next period.
void throttle(DlEntity& dl) {
    dl.throttled = true;
    const u64 next = dl.absolute_deadline - dl.params.deadline + dl.params.period;
    dl.timer.start(next);
}

/// The running task's runtime ends between two ticks, mostly.
time::Restart budget_ends(time::HrTimer&) {
    RunQueue& rq = this_rq();
    const bool irqs = arch::irq_save();
    rq.lock.lock();
    if (rq.current->sched_class == ClassId::Deadline) rq.update_curr();
    rq.lock.unlock();
    arch::irq_restore(irqs);
    return time::Restart::No;
}

class DeadlineClass final : public SchedClass {
public:
    void enqueue(RunQueue& rq, Task& task, Why why) const override {
        DlEntity& dl = *task.dl;
        if (why == Why::Switch) start_anew(dl, rq.clock);
        if (dl.throttled) return park(dl);
        const bool is_late = i64(dl.absolute_deadline - rq.clock) <= 0;
        if (is_late || (why == Why::Wakeup && exceeds_share(dl, rq.clock))) {
            begin_new_job(dl, rq.clock);
        }
        rq.dl.tree.insert(task);
        count(rq);
    }

    void dequeue(RunQueue& rq, Task& task) const override {
        if (task.dl->parked) {
            task.dl->parked = false;
            return;
        }
        rq.dl.tree.erase(task);
        uncount(rq);
    }

    void deactivate(RunQueue& rq, Task&) const override { uncount(rq); }
    void adopt(RunQueue& rq, Task& task, Why why) const override {
        if (why == Why::Switch) start_anew(*task.dl, rq.clock);
        count(rq);
    }

    void joined_asleep(RunQueue& rq, Task& task) const override { start_anew(*task.dl, rq.clock); }

    Task* pick_next(RunQueue& rq) const override {
        Task* const task = rq.dl.tree.first();
        if (task == nullptr) return nullptr;
        rq.dl.tree.erase(*task);
        const u64 left = u64(std::max<i64>(task->dl->runtime_left, 1));
        rq.budget_timer.start(rq.clock + left, time::TimerMode::AbsolutePinned);
        return task;
    }

    void put_prev(RunQueue& rq, Task& task) const override {
        if (!task.dl->throttled) return rq.dl.tree.insert(task);
        park(*task.dl);
        uncount(rq);
    }

    void update_curr(RunQueue& rq, Task& task, u64 delta) const override {
        DlEntity& dl = *task.dl;
        dl.runtime_left -= i64(delta);
        if (dl.throttled || (dl.runtime_left > 0 && !dl.yielded)) return;
        const bool wants = dl.params.flags & abi::SCHED_FLAG_DL_OVERRUN;
        if (wants && dl.runtime_left <= 0) dl.overrun = true;
        throttle(dl);
        resched_curr(rq);
    }

    bool task_tick(RunQueue&, Task& task) const override { return task.dl->throttled; }
    bool preempts(RunQueue& rq, const Task& woken) const override {
        return ByDeadline()(woken, *rq.current);
    }
    void yield(RunQueue& rq, Task& task) const override {
        task.dl->yielded = true;
        update_curr(rq, task, 0);
    }
    u64 rr_interval(RunQueue&, const Task&) const override { return 0; }
    void migrate(const RunQueue&, const RunQueue&, Task&) const override {}
};
constinit DeadlineClass deadline;

}  // namespace

const SchedClass& deadline_class = deadline;

void (*dl_overrun_hook)(Task& task) = nullptr;

RunQueue::RunQueue() : budget_timer(budget_ends) {}

Result<void> dl_prepare(Task& task) {
    if (task.dl != nullptr) return {};
    void* const memory = TRY(dl_cache.alloc(mm::Gfp::Kernel));
    task.dl = new (memory) DlEntity(task, period_begins);
    return {};
}

void dl_destroy(Task& task) {
    if (task.dl == nullptr) return;
    task.dl->timer.cancel();
    task.dl->~DlEntity();
    dl_cache.free(task.dl);
    task.dl = nullptr;
}

}  // namespace sched
