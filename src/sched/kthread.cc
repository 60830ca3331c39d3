// See kthread.h. Linux: kernel/kthread.c.

#include "sched/kthread.h"

#include "lib/string.h"
#include "sched/run_queue.h"
#include "sched/sched.h"

namespace sched {

Result<void> (*adopt_kthread)(Task& task) = nullptr;

namespace {

void kthread_entry() {
    Task& task = current();
    task.thread_fn(task.thread_arg);
    kthread_exit_hook(task);
}

}  // namespace

void (*kthread_exit_hook)(Task& task) = nullptr;

Result<Task*> kthread_create(void (*fn)(void*), void* arg, const char* name) {
    ASSERT(adopt_kthread != nullptr && kthread_exit_hook != nullptr);
    Task* task = TRY(alloc_task());
    copy_string(task->comm, {name, strlen(name)});
    task->flags = kKernelThread;
    task->thread_fn = fn;
    task->thread_arg = arg;
    task->group_leader = task;
    task->se.weight = weight_of_nice(0);
    arch::prepare_stack(task->arch, static_cast<u8*>(task->stack) + kKernelStackSize,
                        kthread_entry);
    const Result<void> adopted = adopt_kthread(*task);
    if (!adopted.ok()) {
        Task::release(task);
        return adopted.error();
    }
    return task;
}

Result<Task*> kthread_run(void (*fn)(void*), void* arg, const char* name) {
    Task* const task = TRY(kthread_create(fn, arg, name));
    wake_up_new_task(*task);
    return task;
}

void kthread_bind(Task& task, unsigned cpu) {
    task.cpus_allowed = u64{1} << cpu;
    task.cpu = cpu;
    task.set(kNoSetAffinity);
}

bool kthread_should_stop() { return current().should_stop.load(std::memory_order_relaxed) != 0; }

}  // namespace sched
