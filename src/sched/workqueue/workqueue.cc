// Making and destroying work queues; the pools; the work queues that everybody may use.

#include "core/log/panic.h"
#include "lib/string.h"
#include "mm/own.h"
#include "sched/sched.h"
#include "sched/workqueue/internal.h"

namespace sched {

WorkQueue* system_wq = nullptr;
WorkQueue* system_highpri_wq = nullptr;
WorkQueue* system_long_wq = nullptr;
WorkQueue* system_unbound_wq = nullptr;

constinit Mutex all_workqueues_lock("all_workqueues");

namespace {

constexpr i32 kUrgentNice = -20;

WorkerPool* pools = nullptr;
u32 cpu_count = 0;

/// Room for a list, which may not be a global object because it has a destructor.
using AllWorkQueues = List<WorkQueue, &WorkQueue::all_link>;
struct alignas(AllWorkQueues) ListRoom {
    std::byte bytes[sizeof(AllWorkQueues)];
};
constinit ListRoom all_room{};

template <class T>
Result<T*> make_array(u32 count) {
    auto* const items = static_cast<T*>(TRY(mm::kmalloc(count * sizeof(T), mm::Gfp::Kernel)));
    for (u32 i = 0; i < count; i++) new (items + i) T();
    return items;
}

WorkQueue* make_system_queue(const char* name, u32 flags) {
    Result<WorkQueue*> wq = alloc_workqueue(name, flags, 0);
    if (!wq.ok()) panic("no work queue %s: %s", name, wq.error());
    return wq.value();
}

void connect(WorkQueue& wq) {
    for (u32 i = 0; i < wq.queue_count; i++) {
        wq.queues[i].wq = &wq;
        wq.queues[i].pool = &pool_for(i, wq.flags);
    }
}

}  // namespace

AllWorkQueues& all_workqueues() { return reinterpret_cast<AllWorkQueues&>(all_room); }

unsigned pool_count() { return 2 * cpu_count + 2; }
WorkerPool& pool(unsigned number) { return pools[number]; }

WorkerPool& pool_for(unsigned cpu, u32 flags) {
    const unsigned group = flags & kWqUnbound ? cpu_count : cpu;
    return pools[2 * group + (flags & kWqHighPri ? 1 : 0)];
}

Result<WorkQueue*> alloc_workqueue(const char* name, u32 flags, u32 max_active) {
    if (flags & kWqOrdered) {
        if (max_active > 1) return EINVAL;
        flags |= kWqUnbound;
        max_active = 1;
    }
    if (max_active > kWqMaxActive) return EINVAL;
    mm::Own<WorkQueue> wq = TRY(mm::make<WorkQueue>());
    copy_string(wq->name, {name, strlen(name)});
    wq->flags = flags;
    wq->max_active = max_active == 0 ? kWqDefaultActive : max_active;
    wq->queue_count = flags & kWqUnbound ? 1 : cpu_count;
    wq->queues = TRY(make_array<PoolQueue>(wq->queue_count));
    connect(*wq);
    if (flags & kWqMemReclaim) {
        const Result<void> rescuer = create_rescuer(*wq);
        if (!rescuer.ok()) {
            mm::kfree(wq->queues);
            return rescuer.error();
        }
    }
    MutexGuard guard(all_workqueues_lock);
    all_workqueues().push_back(*wq);
    return wq.leak();
}

void destroy_workqueue(WorkQueue* wq) {
    drain_workqueue(*wq);
    {
        MutexGuard guard(all_workqueues_lock);
        wq->all_link.unlink();
    }
    stop_rescuer(*wq);
    for (u32 i = 0; i < wq->queue_count; i++) {
        // Until the pool has let go of its lock, somebody may still be in work_is_done().
        IrqGuard guard(wq->queues[i].pool->lock);
        ASSERT(wq->queues[i].active == 0 && wq->queues[i].held_back.empty());
        if (wq->queues[i].mayday_link.is_linked()) wq->queues[i].mayday_link.unlink();
    }
    for (u32 i = 0; i < wq->queue_count; i++) wq->queues[i].~PoolQueue();
    mm::kfree(wq->queues);
    mm::destroy(wq);
}

void init_workqueues_early() {
    cpu_count = possible_cpus.count();
    Result<WorkerPool*> made = make_array<WorkerPool>(pool_count());
    if (!made.ok()) panic("no memory for the worker pools");
    pools = made.value();
    for (unsigned i = 0; i < pool_count(); i++) {
        pools[i].id = i;
        pools[i].cpu = i / 2 < cpu_count ? i / 2 : kAnyCpu;
        pools[i].nice = i % 2 ? kUrgentNice : 0;
    }
    new (&all_room) AllWorkQueues();
    system_wq = make_system_queue("events", 0);
    system_highpri_wq = make_system_queue("events_highpri", kWqHighPri);
    system_long_wq = make_system_queue("events_long", 0);
    system_unbound_wq = make_system_queue("events_unbound", kWqUnbound);
}

void init_workqueues() {
    for (unsigned i = 0; i < pool_count(); i++) {
        if (pools[i].is_bound() && !online_cpus.has(pools[i].cpu)) continue;
        const Result<void> made = create_worker(pools[i]);
        if (!made.ok()) panic("cannot start the first worker: %s", made.error());
    }
}

}  // namespace sched
