// See ksoftirqd.h.
//
// Why a thread: softirqs that raise themselves without end must neither run without end (no
// program would) nor wait for the next interrupt (that may be long). A thread of low priority gets
// all the time that nobody else wants, and its small share of a busy processor.

#include "sched/ksoftirqd.h"

#include "core/log/panic.h"
#include "core/softirq/softirq.h"
#include "lib/format.h"
#include "sched/kthread.h"
#include "sched/sched.h"

namespace sched {

namespace {

constexpr int kLowestPriority = 19;

PER_CPU Task* ksoftirqd = nullptr;

/// Runs what is pending; between two rounds, whoever deserves the processor more gets it.
void serve() {
    while (softirq::pending() != 0) {
        arch::irq_disable();
        if (softirq::pending() != 0) softirq::run_pending();
        arch::irq_enable();
        if (need_resched()) schedule();
    }
}

void ksoftirqd_main(void*) {
    for (;;) {
        set_current_state(kInterruptible);
        // Looked at after the state is set: a wake-up from now on is not lost.
        if (softirq::pending() == 0) schedule();
        set_current_state(kRunning);
        serve();
    }
}

void wake_mine() {
    Task* const task = arch::this_cpu_read(ksoftirqd);
    if (task != nullptr) wake_up_process(*task);
}

}  // namespace

void start_ksoftirqd() {
    for_each_cpu(online_cpus, [](unsigned cpu) {
        char name[16];
        format_to(name, "ksoftirqd/%u", cpu);
        Result<Task*> thread = kthread_create(ksoftirqd_main, nullptr, name);
        if (!thread.ok()) panic("cannot start %s: %s", name, thread.error());
        Task& task = *thread.value();
        kthread_bind(task, cpu);
        set_user_nice(task, kLowestPriority);
        per_cpu(ksoftirqd, cpu) = &task;
        wake_up_new_task(task);
    });
    softirq::wake_ksoftirqd = wake_mine;
}

}  // namespace sched
