// kswapd: reclaim in the background, one thread for each node. Linux: kswapd() in mm/vmscan.c.

#include "core/irq_work/irq_work.h"
#include "core/log/printk.h"
#include "lib/format.h"
#include "mm/page_alloc.h"
#include "sched/kthread.h"
#include "sched/lock/wait_event.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"

namespace vm {

namespace {

struct Kswapd {
    mm::Node* node = nullptr;
    std::atomic<bool> is_wanted{false};
    std::atomic<u32> order{0};
    std::atomic<u32> failures{0};  // rounds in a row in which it found nothing
    sched::WaitQueue queue;
};
/// Built by start_kswapd(): a global array may not hold what points to itself.
struct alignas(Kswapd) KswapdRoom {
    std::byte bytes[sizeof(Kswapd)];
};
constinit KswapdRoom kswapds[mm::kMaxNodes] = {};
constinit std::atomic<bool> has_started{false};

Kswapd& kswapd_of(unsigned node) { return *reinterpret_cast<Kswapd*>(kswapds[node].bytes); }

/// Calls `body(kswapd)` for each, once they exist.
template <class Body>
void for_each_kswapd(Body body) {
    if (!has_started.load(std::memory_order_acquire)) return;
    for (unsigned node = 0; node < mm::kMaxNodes; node++) body(kswapd_of(node));
}

constexpr u32 kMaxFailures = 16;

/// Whoever is short of memory may hold any lock, so the thread is woken from an interrupt.
void wake_those_wanted(IrqWork&) {
    for_each_kswapd([](Kswapd& kswapd) {
        if (kswapd.is_wanted.load(std::memory_order_acquire)) kswapd.queue.wake_all();
    });
}
constinit IrqWork wake_work{wake_those_wanted};

bool is_balanced(mm::Node& node) {
    for (mm::Zone& zone : node.zones) {
        if (zone.managed == 0) continue;
        if (!zone_watermark_ok(zone, 0, mm::kWmarkHigh)) return false;
    }
    return true;
}

/// Until all zones are above their high watermarks, or nothing more is to be had.
void balance_node(Kswapd& kswapd) {
    mm::count_vm(mm::VmItem::PageOutRun);
    lru_add_drain_all();
    u64 reclaimed = 0;
    for (unsigned priority = kDefPriority; priority > 0 && !is_balanced(*kswapd.node);) {
        ScanControl control{.gfp = mm::Gfp::Kernel,
                            .wanted = kSwapClusterMax * 4,
                            .priority = priority,
                            .is_kswapd = true,
                            .may_swap = total_swap_pages() > 0};
        shrink_node(*kswapd.node, control);
        control.reclaimed += mm::shrink_all(kSwapClusterMax);
        reclaimed += control.reclaimed;
        if (control.reclaimed < control.wanted) priority--;
        if (sched::kthread_should_stop()) break;
    }
    if (reclaimed > 0 || is_balanced(*kswapd.node)) {
        kswapd.failures.store(0);
    } else {
        kswapd.failures.fetch_add(1);
    }
}

void run_kswapd(void* argument) {
    Kswapd& kswapd = *static_cast<Kswapd*>(argument);
    sched::current().set(sched::kMemAlloc);
    while (!sched::kthread_should_stop()) {
        (void)sched::wait_event(kswapd.queue, sched::kInterruptible, [&] {
            return kswapd.is_wanted.load(std::memory_order_acquire);
        }).ok();
        balance_node(kswapd);
        kswapd.is_wanted.store(false, std::memory_order_release);
    }
}

}  // namespace

void wake_kswapd(mm::Node& node, unsigned order) {
    if (!has_started.load(std::memory_order_acquire)) return;
    Kswapd& kswapd = kswapd_of(node.id);
    if (!kswapd.node || kswapd.is_wanted.load(std::memory_order_relaxed)) return;
    // It has tried so often in vain: those who need memory have to look themselves, and free some.
    if (kswapd.failures.load(std::memory_order_relaxed) >= kMaxFailures) return;
    kswapd.is_wanted.store(true, std::memory_order_release);
    wake_work.queue();
}

void kswapd_may_try_again() {
    for_each_kswapd([](Kswapd& kswapd) { kswapd.failures.store(0, std::memory_order_relaxed); });
}

Result<void> start_kswapd() {
    Result<void> started;
    for (KswapdRoom& room : kswapds) new (room.bytes) Kswapd();
    has_started.store(true, std::memory_order_release);
    mm::for_each_node([&](mm::Node& node) {
        char name[16];
        const usize length = format_to(std::span(name, sizeof name - 1), "kswapd%u", node.id);
        name[length] = '\0';
        Kswapd& kswapd = kswapd_of(node.id);
        kswapd.node = &node;
        Result<sched::Task*> thread = sched::kthread_run(run_kswapd, &kswapd, name);
        if (thread.ok()) return;
        kswapd.node = nullptr;
        started = thread.error();
    });
    return started;
}

}  // namespace vm
