// The timers of a process: making, finding and deleting them.

#include "process/timer/posix_timer.h"

#include "mm/own.h"
#include "process/timer/posix_timer_internal.h"

namespace process {

namespace {

constinit mm::KmemCache timer_cache("posix_timers_cache", sizeof(PosixTimer), alignof(PosixTimer));

void* alloc_node(void*) {
    Result<void*> node = mm::kmalloc(sizeof(XaNode), mm::Gfp::Atomic);
    return node.ok() ? node.take() : nullptr;
}
void free_node(void* node, void*) { mm::kfree(node); }
constexpr XaNodeSource kNodes{alloc_node, free_node};

/// The running process' timers, made when they are wanted.
Result<PosixTimers*> own_timers() {
    Task& task = sched::current();
    if (task.signal->posix_timers) return task.signal->posix_timers;
    mm::Own<PosixTimers> made = TRY(mm::make<PosixTimers>());
    IrqGuard guard(task.sighand->lock);
    if (!task.signal->posix_timers) task.signal->posix_timers = made.leak();
    return task.signal->posix_timers;
}

/// The timer's signal counts as pending from now on, as long as the timer lives.
bool reserve_signal(Task& task, PosixTimer& timer) {
    const u64 limit = task.signal->rlimits[abi::RLIMIT_SIGPENDING].current;
    timer.queued.place = sched::SignalPlace::take(*task.user, limit);
    return bool(timer.queued.place);
}

void free_timer(PosixTimer* timer) {
    timer->~PosixTimer();
    timer_cache.free(timer);
}

/// Fills in whom the timer tells what. EINVAL.
Result<void> set_event(PosixTimer& timer, const abi::Sigevent& event) {
    const bool to_thread = event.notify & abi::SIGEV_THREAD_ID;
    switch (event.notify) {
    case abi::SIGEV_SIGNAL | abi::SIGEV_THREAD_ID:
    case abi::SIGEV_SIGNAL:
    case abi::SIGEV_THREAD:
        if (!is_valid_signal(event.signo)) return EINVAL;
        break;
    case abi::SIGEV_NONE: break;
    default: return EINVAL;
    }
    if (to_thread) {
        IrqGuard guard(tasks_lock);
        const Task* thread = sched::find_task(event.thread_id);
        if (thread == nullptr || thread->signal != &timer.signal) return EINVAL;
        timer.thread = thread->pid;
        timer.thread_start_ns = thread->start_time_ns;
    }
    timer.notify = event.notify;
    timer.queued.info.signo = event.signo;
    timer.queued.info.code = abi::SI_TIMER;
    timer.queued.info.set_value(event.value);
    return {};
}

/// From here on its clock is that of one task, not of whoever asks. EINVAL.
Result<void> settle_clock(PosixTimer& timer) {
    if (!timer.cpu) return {};
    IrqGuard guard(tasks_lock);
    const Task* const task = find_clock_task(*timer.cpu);
    if (task == nullptr) return EINVAL;
    timer.cpu->pid = task->pid;
    timer.cpu_start_ns = task->start_time_ns;
    return {};
}

/// Gives the timer the next free number. EAGAIN: none, or no memory.
Result<void> insert(PosixTimers& all, PosixTimer& timer) REQUIRES(all.mutex) {
    constexpr u32 kMostIds = 0x7fff'ffff;
    IrqGuard guard(all.lock);
    for (unsigned tries = 0; tries < 1000; tries++) {
        const u32 id = all.next_id;
        all.next_id = (id + 1) & kMostIds;
        timer.id = i32(id);
        timer.queued.info.set_timer(timer.id, 0);
        const Result<void> inserted = all.table.insert(id, &timer, kNodes);
        if (inserted.ok()) return {};
        if (inserted.error() != EEXIST) break;
    }
    return EAGAIN;
}

/// Nobody finds the timer any more, nothing of it is on its way: it can go.
void delete_timer(PosixTimers& all, PosixTimer& timer) REQUIRES(all.mutex) {
    {
        IrqGuard guard(all.lock);
        timer.changes = true;
        timer.requeue_pending = false;
        all.table.erase(u64(timer.id), kNodes);
    }
    timer.timer.cancel();
    {
        IrqGuard guard(tasks_lock);
        cancel_cpu_timer(timer.cpu_timer);
        cancel_sigqueue(timer.queued);
    }
    free_timer(&timer);
}

}  // namespace

Task* clock_task_of(const PosixTimer& timer) {
    Task* const task = sched::find_task(timer.cpu->pid);
    if (task == nullptr || task->signal == nullptr) return nullptr;
    return task->start_time_ns == timer.cpu_start_ns ? task : nullptr;
}

Result<i32> timer_create(int clock_id, const abi::Sigevent* event) {
    const TimerClock clock = TRY(timer_clock_of(clock_id));
    Result<PosixTimers*> own = own_timers();
    Result<void*> memory = own.ok() ? timer_cache.alloc(mm::Gfp::Kernel) : ENOMEM;
    if (!memory.ok()) return EAGAIN;
    PosixTimers& all = *own.value();
    Task& task = sched::current();
    PosixTimer* const timer = new (memory.value()) PosixTimer(*task.signal, clock_id, clock);
    timer->queued.timer = timer;
    constexpr abi::Sigevent kDefault{.value = 0,
                                     .signo = abi::SIGALRM,
                                     .notify = abi::SIGEV_SIGNAL,
                                     .thread_id = 0,
                                     .reserved = {}};
    Result<void> made = set_event(*timer, event ? *event : kDefault);
    if (made.ok()) made = settle_clock(*timer);
    if (made.ok() && !reserve_signal(task, *timer)) made = EAGAIN;
    if (!made.ok()) {
        free_timer(timer);
        return made.error();
    }
    sched::MutexGuard guard(all.mutex);
    made = insert(all, *timer);
    if (!made.ok()) {
        free_timer(timer);
        return made.error();
    }
    if (event == nullptr) timer->queued.info.set_value(u64(timer->id));
    return i32{timer->id};
}

Result<void> timer_delete(i32 id) {
    PosixTimers* const all = sched::current().signal->posix_timers;
    if (all == nullptr || id < 0) return EINVAL;
    sched::MutexGuard guard(all->mutex);
    auto* const timer = static_cast<PosixTimer*>(all->table.load(u64(id)));
    if (timer == nullptr) return EINVAL;
    delete_timer(*all, *timer);
    return {};
}

void exit_posix_timers(SignalStruct& signal) {
    PosixTimers* const all = signal.posix_timers;
    if (all == nullptr) return;
    sched::MutexGuard guard(all->mutex);
    u64 at = 0;
    while (void* timer = all->table.find(at)) delete_timer(*all, *static_cast<PosixTimer*>(timer));
}

void free_posix_timers(SignalStruct& signal) {
    if (PosixTimers* all = std::exchange(signal.posix_timers, nullptr)) mm::destroy(all);
}

void for_each_posix_timer(SignalStruct& signal, void (*body)(const PosixTimer&, void*),
                          void* context) {
    PosixTimers* const all = signal.posix_timers;
    if (all == nullptr) return;
    sched::MutexGuard guard(all->mutex);
    u64 at = 0;
    for (void* timer = all->table.find(at); timer; timer = all->table.find_after(at)) {
        body(*static_cast<PosixTimer*>(timer), context);
    }
}

}  // namespace process
