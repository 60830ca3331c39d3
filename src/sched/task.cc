// Making and unmaking tasks: the structure and its kernel stack. Linux: kernel/fork.c.

#include "sched/task.h"

#include "core/kasan/report.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "core/time/tick/tick.h"
#include "lib/string.h"
#include "mm/kasan.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "sched/kthread.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/workqueue/workqueue.h"

namespace sched {

namespace {

constinit mm::KmemCache task_cache("task_struct", sizeof(Task), 64);

/// Stacks of dead tasks, for the next ones: mapping and unmapping costs a TLB flush. Each stands in
/// itself, since nobody uses it now.
class FreeStacks {
public:
    /// How many there are then. Any context.
    u32 push(void* stack) {
        IrqGuard guard(lock_);
        first_ = new (stack) FreeStack{first_};
        return ++count_;
    }
    /// Null if there are no more than `keep`.
    void* pop(u32 keep) {
        IrqGuard guard(lock_);
        if (count_ <= keep) return nullptr;
        FreeStack* const stack = first_;
        first_ = stack->next;
        count_--;
        return stack;
    }

private:
    struct FreeStack {
        FreeStack* next;
    };
    SpinLock lock_{"free_stacks", LockRank::MmList};
    FreeStack* first_ GUARDED_BY(lock_) = nullptr;
    u32 count_ GUARDED_BY(lock_) = 0;
};
constinit FreeStacks free_stacks;
constexpr u32 kKeptStacks = 32;

Result<void*> alloc_stack() {
    if (void* const stack = free_stacks.pop(0)) return stack;
    return mm::vmalloc(kKernelStackSize);
}

void unmap_stacks(u32 keep) {
    while (void* const stack = free_stacks.pop(keep)) mm::vfree(stack);
}

/// Unmapping waits until all processors have flushed their TLB: not where a task dies, between two
/// others and with interrupts off.
constinit Work unmapping{[](Work&) { unmap_stacks(kKeptStacks); }};

void free_stack(void* stack) {
    mm::kasan_unpoison(stack, kKernelStackSize);  // whoever does not return leaves red zones
    if (free_stacks.push(stack) > kKeptStacks) schedule_work(unmapping);
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

void drop_cached_stacks() { unmap_stacks(0); }

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
    free_kthread(task->kthread);
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
    if (state & kParked) return 'P';
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
    if constexpr (kKasan) {
        kasan::current_task_name = [] {
            return kasan::TaskName{current().comm, u32(current().pid)};
        };
    }
    mm::find_task_faults_with([] { return &current().faults; });
}

void init_secondary_cpu(unsigned cpu) {
    Task& idle = *cpu_rq(cpu).idle;
    arch::this_cpu_write(current_task, &idle);
    lockval::switch_to(nullptr, idle.locks);
}

}  // namespace sched
