// See kthread.h. Linux: kernel/kthread.c.

#include "sched/kthread.h"

#include "lib/string.h"
#include "mm/own.h"
#include "sched/lock/completion.h"
#include "sched/run_queue.h"
#include "sched/sched.h"

namespace sched {

Result<void> (*adopt_kthread)(Task& task) = nullptr;
void (*kthread_exit_hook)(Task& task) = nullptr;

/// What a kernel thread has and other tasks do not. It lives as long as the task.
struct Kthread {
    enum Flags : u32 { kShouldStop = 1, kShouldPark = 2, kHasEnded = 4 };

    Kthread(void (*function)(void*), void* argument) : fn(function), arg(argument) {}

    void (*const fn)(void*);
    void* const arg;
    std::atomic<u32> flags{0};
    Completion parked;
    Completion exited;
    bool has_result = false;  // this and the next: written before `exited`
    i32 result = 0;

    bool has(Flags flag) const { return flags.load(std::memory_order_seq_cst) & flag; }
};

namespace {

void kthread_entry() {
    const Kthread& self = *current().kthread;
    if (kthread_should_park()) kthread_parkme();
    if (kthread_should_stop()) kthread_exit(EINTR);
    self.fn(self.arg);
    kthread_exit(0);
}

/// Whatever it sleeps in, or if it has not begun.
void wake_kthread(Task& task) {
    if (task.state.load(std::memory_order_seq_cst) == kNew) {
        wake_up_new_task(task);
    } else {
        wake_up_process(task);
    }
}

}  // namespace

Result<Task*> kthread_create(void (*fn)(void*), void* arg, const char* name) {
    ASSERT(adopt_kthread != nullptr && kthread_exit_hook != nullptr);
    mm::Own<Kthread> kthread = TRY(mm::make<Kthread>(fn, arg));
    Task* task = TRY(alloc_task());
    copy_string(task->comm, {name, strlen(name)});
    task->flags = kKernelThread;
    task->kthread = kthread.leak();
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

void free_kthread(Kthread* kthread) {
    if (kthread != nullptr) mm::destroy(kthread);
}

void kthread_bind(Task& task, unsigned cpu) {
    task.cpus_allowed = u64{1} << cpu;
    task.cpu = cpu;
    task.set(kNoSetAffinity);
}

void* kthread_data(const Task& task) { return task.kthread->arg; }

void kthread_exit(Result<i32> result) {
    Task& task = current();
    Kthread& self = *task.kthread;
    self.has_result = result.ok();
    if (result.ok()) self.result = result.value();
    self.flags.fetch_or(Kthread::kHasEnded, std::memory_order_seq_cst);
    self.parked.complete_all();  // for who wants to park it just now
    self.exited.complete_all();
    kthread_exit_hook(task);
    __builtin_unreachable();
}

Result<i32> kthread_stop(Task& task) {
    const Ref<Task> held = Ref<Task>::share(&task);
    Kthread& kthread = *task.kthread;
    kthread.flags.fetch_or(Kthread::kShouldStop, std::memory_order_seq_cst);
    kthread_unpark(task);
    wake_kthread(task);
    kthread.exited.wait();
    if (!kthread.has_result) return EINTR;
    return kthread.result;
}

bool kthread_should_stop() {
    const Kthread* const self = current().kthread;
    return self != nullptr && self->has(Kthread::kShouldStop);
}

Result<void> kthread_park(Task& task) {
    Kthread& kthread = *task.kthread;
    if (kthread.has(Kthread::kShouldPark)) return EBUSY;
    kthread.parked.reinit();
    if (kthread.has(Kthread::kHasEnded)) return ESRCH;  // it said so before reinit(), or will now
    kthread.flags.fetch_or(Kthread::kShouldPark, std::memory_order_seq_cst);
    wake_kthread(task);
    kthread.parked.wait();
    if (kthread.has(Kthread::kHasEnded)) return ESRCH;
    return {};
}

void kthread_unpark(Task& task) {
    task.kthread->flags.fetch_and(~u32{Kthread::kShouldPark}, std::memory_order_seq_cst);
    (void)try_to_wake_up(task, kParked);
}

bool kthread_should_park() {
    const Kthread* const self = current().kthread;
    return self != nullptr && self->has(Kthread::kShouldPark);
}

void kthread_parkme() {
    Kthread& self = *current().kthread;
    for (;;) {
        set_special_state(kParked);
        if (!self.has(Kthread::kShouldPark)) break;
        self.parked.complete();
        schedule();
    }
    set_current_state(kRunning);
}

}  // namespace sched
