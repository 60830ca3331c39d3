// Making and unmaking tasks: the structure and its kernel stack. Linux: kernel/fork.c.

#include "sched/task.h"

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "core/time/tick/tick.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "sched/kthread.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/workqueue/workqueue.h"

namespace sched {

namespace {

constinit mm::KmemCache task_cache("task_struct", sizeof(Task), 64);

/// Stacks of dead tasks, kept for the next ones: mapping and unmapping costs a TLB flush.
struct StackCache {
    static constexpr u32 kSlots = 32;
    SpinLock lock{"stack_cache", LockRank::MmList};
    void* stack[kSlots] GUARDED_BY(lock) = {};
    u32 count GUARDED_BY(lock) = 0;
};
constinit StackCache stack_cache;

Result<void*> alloc_stack() {
    {
        IrqGuard guard(stack_cache.lock);
        if (stack_cache.count > 0) return stack_cache.stack[--stack_cache.count];
    }
    return mm::vmalloc(kKernelStackSize);
}

/// A stack that the cache has no room for. It stands in the stack itself, which nobody uses now.
struct SpareStack {
    SpareStack* next;
};
constinit std::atomic<SpareStack*> spare_stacks{nullptr};

/// Unmapping waits until all processors have flushed their TLB: not where a task dies, between two
/// others and with interrupts off.
void unmap_spare_stacks(Work&) {
    SpareStack* stack = spare_stacks.exchange(nullptr, std::memory_order_acquire);
    while (stack != nullptr) {
        SpareStack* const next = stack->next;
        mm::vfree(stack);
        stack = next;
    }
}
constinit Work unmapping{unmap_spare_stacks};

void free_stack(void* stack) {
    {
        IrqGuard guard(stack_cache.lock);
        if (stack_cache.count < StackCache::kSlots) {
            stack_cache.stack[stack_cache.count++] = stack;
            return;
        }
    }
    auto* const spare = static_cast<SpareStack*>(stack);
    spare->next = spare_stacks.load(std::memory_order_relaxed);
    while (!spare_stacks.compare_exchange_weak(spare->next, spare, std::memory_order_release)) {
    }
    schedule_work(unmapping);
}

void describe_current() {
    const Task* task = arch::this_cpu_read(current_task);
    if (task == nullptr) {
        printk("CPU: %u, before the first task", cpu_id());
    } else {
        printk("CPU: %u PID: %d Comm: %s", cpu_id(), task->pid, task->comm);
    }
}

}  // namespace

void drop_cached_stacks() {
    for (;;) {
        void* stack;
        {
            IrqGuard guard(stack_cache.lock);
            if (stack_cache.count == 0) return;
            stack = stack_cache.stack[--stack_cache.count];
        }
        mm::vfree(stack);
    }
}

Result<Task*> alloc_task() {
    void* const memory = TRY(task_cache.alloc(mm::Gfp::Kernel));
    Result<void*> stack = alloc_stack();
    if (!stack.ok()) {
        task_cache.free(memory);
        return ENOMEM;
    }
    Task* task = new (memory) Task();
    task->stack = stack.value();
    task->start_time_ns = time::now_ns();
    return task;
}

void Task::release(Task* task) {
    if (task_free_hook != nullptr) task_free_hook(*task);
    arch::fpu_destroy(task->arch);
    void* const stack = task->stack;
    task->~Task();
    task_cache.free(task);
    // The last reference of a dead task is dropped with interrupts off, right after the switch
    // away from it: nothing here may sleep.
    free_stack(stack);
}

char state_letter(const Task& task) {
    const u32 state = task.state.load(std::memory_order_relaxed);
    if (state & kZombie) return 'Z';
    if (state & kDead) return 'X';
    if (state & kTraced) return 't';
    if (state & kStopped) return 'T';
    if (state & kUninterruptible) return 'D';
    if (state & kInterruptible) return 'S';
    return 'R';
}

Result<Task*> create_idle_task(unsigned cpu) {
    Task* task = TRY(alloc_task());
    format_to(task->comm, "swapper/%u", cpu);
    task->flags = kKernelThread;
    task->state = kRunning;
    task->cpu = cpu;
    task->on_cpu = 1;
    task->cpus_allowed = u64{1} << cpu;
    task->group_leader = task;
    task->prio = task->normal_prio = kIdlePrio;
    task->sched_class = ClassId::Idle;
    RunQueue& rq = cpu_rq(cpu);
    rq.cpu = cpu;
    rq.idle = rq.current = task;
    return task;
}

void init() {
    panic_describe_task = describe_current;
    init_classes();
    for_each_cpu(possible_cpus, [](unsigned cpu) { new (&cpu_rq(cpu)) RunQueue(); });
    time::update_process_times = update_process_times;
    Result<Task*> idle = create_idle_task(0);
    if (!idle.ok()) panic("no memory for the idle task");
    arch::this_cpu_write(current_task, idle.value());
    lockval::switch_to(nullptr, idle.value()->locks);
}

void init_secondary_cpu(unsigned cpu) {
    Task& idle = *cpu_rq(cpu).idle;
    arch::this_cpu_write(current_task, &idle);
    lockval::switch_to(nullptr, idle.locks);
}

}  // namespace sched
