// The threads of threaded interrupt handlers, "irq/N-name". What wakes them is core/irq's business;
// this folder lends the threads. Linux: irq_thread() in kernel/irq/manage.c.
#include "abi/sched.h"
#include "arch/cpu.h"
#include "core/irq/irq_desc.h"
#include "lib/format.h"
#include "mm/own.h"
#include "sched/kthread.h"
#include "sched/lock/completion.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace irq {

struct IrqThread {
    IrqThread(IrqDesc& line, IrqAction& handler) : desc(line), action(handler) {}

    IrqDesc& desc;
    IrqAction& action;
    Ref<sched::Task> task;
    // Who is stopped before he has begun never begins, and the line counts on the work being done.
    sched::Completion has_begun;
};

}  // namespace irq

namespace sched {
namespace {

using irq::IrqThread;

// For synchronize_irq(): whoever waits until no thread of a line has work.
constinit SpinLock idle_lock{"irq_threads", LockRank::Mutex};
constinit WaitQueue idle_waiters;

void run_once(IrqThread& thread) {
    irq::IrqDesc& desc = thread.desc;
    const irq::IrqReturn said = thread.action.thread_fn(desc.irq, thread.action.dev_id);
    if (said == irq::IrqReturn::Handled) {
        desc.threads_handled.fetch_add(1, std::memory_order_relaxed);
    }
    while (!irq::finish_oneshot(desc, thread.action)) arch::cpu_relax();
    if (desc.threads_active.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    IrqGuard guard(idle_lock);
    idle_waiters.wake_all();
}

/// Sleeps until there is work (true) or the end (false); work comes first.
bool wait_for_work(IrqThread& thread) {
    for (;;) {
        set_current_state(kInterruptible);
        if (thread.action.run_wanted.exchange(false)) break;
        if (kthread_should_stop()) {
            set_current_state(kRunning);
            // Work may have come after the look above, and the line counts on its being done.
            return thread.action.run_wanted.exchange(false);
        }
        schedule();
    }
    set_current_state(kRunning);
    return true;
}

void irq_thread(void* argument) {
    IrqThread& thread = *static_cast<IrqThread*>(argument);
    thread.has_begun.complete();
    while (wait_for_work(thread)) run_once(thread);
}

void make_urgent(Task& task) {
    constexpr u32 kPriority = 50;  // half of what there is, as on Linux
    (void)set_scheduler(task, {.policy = abi::SCHED_FIFO, .rt_priority = kPriority}).ok();
}

Result<IrqThread*> start(irq::IrqDesc& desc, irq::IrqAction& action) {
    mm::Own<IrqThread> thread = TRY(mm::make<IrqThread>(desc, action));
    char name[sizeof(Task::comm)];
    format_to(name, "irq/%u-%s", desc.irq, action.name);
    // It does not end before stop(), so the pointer is still good.
    thread->task = Ref<Task>::share(TRY(kthread_run(irq_thread, thread.get(), name)));
    make_urgent(*thread->task);
    thread->has_begun.wait();
    return thread.leak();
}

void wake(IrqThread& thread) { wake_up_process(*thread.task); }

void stop(IrqThread& thread) {
    (void)kthread_stop(*thread.task).ok();
    mm::destroy(&thread);
}

void wait_until_idle(irq::IrqDesc& desc) {
    IrqGuard guard(idle_lock);
    while (desc.threads_active.load(std::memory_order_acquire) != 0) {
        idle_waiters.sleep_uninterruptible(idle_lock);
    }
}

constinit SpinLock request_lock{"irq_request", LockRank::Mutex};
constinit WaitQueue requesters;

void begin_request(irq::IrqDesc& desc) {
    IrqGuard guard(request_lock);
    while (desc.is_requested) requesters.sleep_uninterruptible(request_lock);
    desc.is_requested = true;
}

void end_request(irq::IrqDesc& desc) {
    IrqGuard guard(request_lock);
    desc.is_requested = false;
    requesters.wake_all();
}

constexpr irq::ThreadServices kServices{start,           wake,          stop,
                                        wait_until_idle, begin_request, end_request};

}  // namespace

void init_irq_threads() { irq::thread_services = &kServices; }

}  // namespace sched
