// Which pages reclaim looks at. Linux: mm/vmscan.c.

#include "core/percpu/preempt.h"
#include "mm/page_alloc.h"
#include "sched/sched.h"
#include "vm/page_lock.h"
#include "vm/reclaim/reclaim.h"
#include "vm/rmap.h"
#include "vm/swap/swap.h"

namespace vm {

constinit std::atomic<u32> swappiness{60};
constinit std::atomic<bool (*)(mm::Gfp, unsigned, bool)> oom_handler{nullptr};

namespace {

using enum mm::VmItem;

/// Moves up to `wanted` pages from the tail of the list to `to`, with a reference each. Pages that
/// are just being freed are passed over.
u64 isolate_pages(LruVec& lruvec, LruList list, u64 wanted, PageQueue& to) {
    IrqGuard guard(lruvec.lock);
    u64 taken = 0;
    PageQueue dying;
    for (u64 looked = 0; looked < wanted && taken < wanted; looked++) {
        mm::Page* page = lruvec.lists[list].back();
        if (!page) break;
        u32 references = page->ref_count.load(std::memory_order_relaxed);
        while (references != 0 && !page->ref_count.compare_exchange_weak(
                                      references, references + 1, std::memory_order_acquire)) {
        }
        if (references == 0) {
            PageQueue::remove(*page);  // the one who frees it waits for our lock
            dying.push_back(*page);
            continue;
        }
        lruvec.remove(*page);
        page->clear(mm::kPageLru);
        to.push_back(*page);
        taken += mm::compound_pages(*page);
    }
    lruvec.lists[list].splice_front(dying);
    return taken;
}

/// Remembers that taking pages of a kind was in vain so often; older memories fade.
void note_cost(LruVec& lruvec, LruList list, u64 pages) {
    IrqGuard guard(lruvec.lock);
    u64& cost = lruvec.cost[is_file_list(list)];
    cost += pages;
    u64 all = 0;
    for (unsigned i = 0; i < kUnevictableList; i++) all += lruvec.size[i];
    if (lruvec.cost[0] + lruvec.cost[1] > all / 4) {
        lruvec.cost[0] /= 2;
        lruvec.cost[1] /= 2;
    }
}

void shrink_inactive_list(LruVec& lruvec, LruList list, u64 wanted, ScanControl& control) {
    PageQueue pages;
    const u64 taken = isolate_pages(lruvec, list, wanted, pages);
    const bool is_file = is_file_list(list);
    control.scanned += taken;
    mm::count_vm(control.is_kswapd ? ScanKswapd : ScanDirect, static_cast<i64>(taken));
    mm::count_vm(is_file ? ScanFile : ScanAnon, static_cast<i64>(taken));
    if (taken == 0) return;
    u64 active = 0;
    const u64 freed = shrink_page_list(pages, control, active);
    control.reclaimed += freed;
    mm::count_vm(control.is_kswapd ? StealKswapd : StealDirect, static_cast<i64>(freed));
    mm::count_vm(is_file ? StealFile : StealAnon, static_cast<i64>(freed));
    note_cost(lruvec, list, active);
}

/// Moves pages from the tail of an active list to the inactive one. Only program text that was used
/// again stays: an anonymous page is as good as another, and a program without its text does not
/// run.
void shrink_active_list(LruVec& lruvec, LruList list, u64 wanted) {
    PageQueue pages;
    const u64 taken = isolate_pages(lruvec, list, wanted, pages);
    mm::count_vm(PageRefill, static_cast<i64>(taken));
    while (mm::Page* page = pages.pop_front()) {
        bool stays = false;
        // An anonymous page can be looked at without its lock as long as it is mapped.
        const bool locked = !page->has(mm::kPageAnon) && try_lock_page(*page);
        if (locked || page->has(mm::kPageAnon)) {
            const Referenced found = page_referenced(*page);
            stays = found.entries > 0 && is_file_list(list) && (found.area_flags & kVmExec);
            if (found.entries > 0 && !stays) page->set(mm::kPageReferenced);
        }
        if (locked) unlock_page(*page);
        if (!stays) {
            page->clear(mm::kPageActive);
            mm::count_vm(PageDeactivate);
        }
        putback_lru_page(*page);
    }
}

/// Whether pages should move from the active to the inactive list: of little memory half is to be
/// inactive, of much a smaller part.
bool is_inactive_low(const LruVec& lruvec, LruList inactive) {
    const u64 low = lruvec.size_of(inactive);
    const u64 high = lruvec.size_of(static_cast<LruList>(inactive + 1));
    const u64 gib = (low + high) >> (30 - kPageShift);
    u64 ratio = 1;
    while (ratio * ratio < 10 * gib) ratio++;
    return low * ratio < high;
}

/// How many pages of each list are to be looked at.
struct Budget {
    u64 pages[kUnevictableList];
};

Budget make_budget(LruVec& lruvec, const ScanControl& control) {
    u64 cost[2];
    {
        IrqGuard guard(lruvec.lock);
        cost[0] = lruvec.cost[0];
        cost[1] = lruvec.cost[1];
    }
    const u64 weight = swappiness.load(std::memory_order_relaxed);
    const u64 total = cost[0] + cost[1] + 2;
    u64 share[2] = {weight * total / (cost[0] + total), (200 - weight) * total / (cost[1] + total)};
    const u64 file = lruvec.size_of(kInactiveFile) + lruvec.size_of(kActiveFile);
    if (!control.may_swap) share[0] = 0;
    // Hardly any file pages left: they would only be read again at once.
    if (control.may_swap && file < kSwapClusterMax * 4) share[0] = share[1] = 1;
    const u64 all = share[0] + share[1] + 1;
    Budget budget;
    for (unsigned i = 0; i < kUnevictableList; i++) {
        const u64 size = lruvec.size_of(static_cast<LruList>(i));
        u64 scan = size >> control.priority;
        if (scan == 0) scan = std::min(size, kSwapClusterMax);
        budget.pages[i] = control.priority == 0 && share[i / 2] > 0
                              ? size
                              : (scan * share[i / 2] + all - 1) / all;
    }
    return budget;
}

void shrink_lists(LruVec& lruvec, ScanControl& control) {
    Budget budget = make_budget(lruvec, control);
    while (budget.pages[kInactiveAnon] | budget.pages[kActiveFile] | budget.pages[kInactiveFile]) {
        for (unsigned i = 0; i < kUnevictableList; i++) {
            const auto list = static_cast<LruList>(i);
            const u64 count = std::min(budget.pages[i], kSwapClusterMax);
            if (count == 0) continue;
            budget.pages[i] -= count;
            if (list == kInactiveAnon || list == kInactiveFile) {
                shrink_inactive_list(lruvec, list, count, control);
            } else if (is_inactive_low(lruvec, static_cast<LruList>(i - 1))) {
                shrink_active_list(lruvec, list, count);
            }
        }
        // At the first priorities enough is enough; later the lists shall keep their proportion.
        if (control.reclaimed >= control.wanted && control.priority > 2) return;
    }
    if (control.may_swap && is_inactive_low(lruvec, kInactiveAnon)) {
        shrink_active_list(lruvec, kActiveAnon, kSwapClusterMax);
    }
}

/// While it lives, the running task is one that reclaims.
class Reclaiming {
public:
    Reclaiming() : had_(sched::current().has(sched::kMemAlloc)) {
        sched::current().set(sched::kMemAlloc);
    }
    ~Reclaiming() {
        if (!had_) sched::current().clear(sched::kMemAlloc);
    }
    Reclaiming(const Reclaiming&) = delete;

private:
    bool had_;
};

u64 try_to_free_pages(mm::Gfp gfp, unsigned order, u64 nodes) {
    if (sched::current().has(sched::kMemAlloc) || !may_sleep()) return 0;
    Reclaiming flag;
    lru_add_drain();
    const u64 wanted = std::max(kSwapClusterMax, u64{1} << order);
    u64 reclaimed = 0;
    for (unsigned priority = kDefPriority + 1; priority-- > 0 && reclaimed < wanted;) {
        ScanControl control{.gfp = gfp,
                            .wanted = wanted - reclaimed,
                            .priority = priority,
                            .is_kswapd = false,
                            .may_swap = has(gfp, mm::Gfp::Io) && total_swap_pages() > 0};
        mm::for_each_node([&](mm::Node& node) {
            if (nodes >> node.id & 1) shrink_node(node, control);
        });
        reclaimed += control.reclaimed;
        if (has(gfp, mm::Gfp::Fs)) reclaimed += mm::shrink_all(kSwapClusterMax);
        if (priority + 2 == kDefPriority) lru_add_drain_all();
    }
    if (reclaimed > 0) kswapd_may_try_again();
    return reclaimed;
}

bool out_of_memory(mm::Gfp gfp, unsigned order, bool bound) {
    auto* handler = oom_handler.load(std::memory_order_acquire);
    return handler && handler(gfp, order, bound);
}

bool may_use_reserves() {
    return sched::current().has(sched::kMemAlloc) || sched::current().has(sched::kMemdie);
}

}  // namespace

void shrink_node(mm::Node& node, ScanControl& control) { shrink_lists(lruvec_of(node), control); }

void init_reclaim() {
    static constinit mm::ReclaimHooks hooks{.wake_kswapd = wake_kswapd,
                                            .try_to_free_pages = try_to_free_pages,
                                            .out_of_memory = out_of_memory,
                                            .may_use_reserves = may_use_reserves};
    init_lru();
    init_page_locks();
    mm::register_reclaim(hooks);
}

}  // namespace vm
