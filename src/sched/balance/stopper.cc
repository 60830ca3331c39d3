// See stopper.h.

#include "sched/balance/stopper.h"

#include "abi/sched.h"
#include "core/log/panic.h"
#include "core/percpu/percpu.h"
#include "lib/format.h"
#include "sched/kthread.h"
#include "sched/lock/completion.h"
#include "sched/policy.h"
#include "sched/run_queue.h"

namespace sched {

namespace {

/// On the stack of who waits for it.
struct StopWork {
    void (*fn)(void*);
    void* arg;
    Completion done;
    ListLink link;
};

struct Stopper {
    SpinLock lock{"stopper", LockRank::WaitQueue};
    List<StopWork, &StopWork::link> works;
    Task* thread = nullptr;
};

/// Built by start_stoppers(): a list has a destructor, so it may not be a global object.
struct alignas(Stopper) StopperRoom {
    std::byte bytes[sizeof(Stopper)];
};
PER_CPU StopperRoom stopper_room{};
constinit std::atomic<bool> started{false};

Stopper& stopper_of(unsigned cpu) { return reinterpret_cast<Stopper&>(per_cpu(stopper_room, cpu)); }

StopWork* take_work(Stopper& stopper) {
    IrqGuard guard(stopper.lock);
    return stopper.works.empty() ? nullptr : stopper.works.pop_front();
}

void stopper_main(void* argument) {
    Stopper& stopper = *static_cast<Stopper*>(argument);
    for (;;) {
        set_current_state(kInterruptible);
        // Looked at after the state is set: a wake-up from now on is not lost.
        StopWork* const work = take_work(stopper);
        if (work == nullptr) {
            schedule();
            continue;
        }
        set_current_state(kRunning);
        {
            PreemptGuard no_sleep;
            work->fn(work->arg);
        }
        work->done.complete();
    }
}

/// What makes a thread of the stop class; for everybody who looks it is the most urgent FIFO one.
void set_stop_task(Task& task) {
    task.policy = abi::SCHED_FIFO;
    task.rt_priority = 99;
    task.boost_prio = kStopPrio;
    init_priority(task);
}

}  // namespace

void start_stoppers() {
    for_each_cpu(online_cpus, [](unsigned cpu) {
        Stopper& stopper = *new (&per_cpu(stopper_room, cpu)) Stopper();
        char name[16];
        format_to(name, "migration/%u", cpu);
        Result<Task*> thread = kthread_create(stopper_main, &stopper, name);
        if (!thread.ok()) panic("cannot start %s: %s", name, thread.error());
        stopper.thread = thread.value();
        kthread_bind(*stopper.thread, cpu);
        set_stop_task(*stopper.thread);
        wake_up_new_task(*stopper.thread);
    });
    started.store(true, std::memory_order_release);
}

bool stop_one_cpu(unsigned cpu, void (*fn)(void*), void* arg) {
    if (!started.load(std::memory_order_acquire)) return false;
    Stopper& stopper = stopper_of(cpu);
    StopWork work{.fn = fn, .arg = arg, .done = {}, .link = {}};
    {
        IrqGuard guard(stopper.lock);
        stopper.works.push_back(work);
    }
    wake_up_process(*stopper.thread);
    work.done.wait();
    return true;
}

}  // namespace sched
