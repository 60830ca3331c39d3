// What alloc_pages() does when no zone has a page above its low watermark. Linux:
// __alloc_pages_slowpath() in mm/page_alloc.c.
//
// From harmless to drastic: wake kswapd and take from what lies between low and min; a part of the
// reserve for urgent allocations, all of it for those that free memory; then, if the caller may
// sleep, reclaim; at last let the OOM killer choose. Large blocks are worth less trouble than small
// ones: whoever wants one of more than kCostlyOrder has an answer to ENOMEM.

#include "core/log/printk.h"
#include "core/percpu/preempt.h"
#include "mm/page_alloc/internal.h"
#include "mm/page_alloc/node.h"
#include "mm/vm_stat.h"

namespace mm {

namespace {

constexpr unsigned kCostlyOrder = 3;
constexpr unsigned kMaxRetries = 16;

constinit Shrinker* shrinkers = nullptr;
constinit std::atomic<const ReclaimHooks*> reclaim{nullptr};

const ReclaimHooks* hooks() { return reclaim.load(std::memory_order_acquire); }

/// Of all nodes that could have served the allocation.
void wake_all_kswapds(const AllocContext& wanted) {
    if (!hooks()) return;
    u64 woken = 0;
    for (Zone** at = wanted.preferred.zonelist[wanted.highest]; *at != nullptr; at++) {
        Node& node = *(*at)->node;
        if ((woken | ~wanted.nodes) >> node.id & 1) continue;
        woken |= u64{1} << node.id;
        hooks()->wake_kswapd(node, wanted.order);
    }
}

/// The current task frees more than it takes, so it may have all there is.
bool may_use_reserves(Gfp gfp) {
    if (has(gfp, Gfp::MemAlloc)) return true;
    return hooks() && hooks()->may_use_reserves && hooks()->may_use_reserves();
}

/// One round of reclaim; returns the number of pages it freed.
u64 try_to_free_pages(const AllocContext& wanted) {
    count_vm(VmItem::AllocStall);
    if (!hooks()) return shrink_all(64);
    return hooks()->try_to_free_pages(wanted.gfp, wanted.order, wanted.nodes);
}

bool out_of_memory(const AllocContext& wanted) {
    const Gfp gfp = wanted.gfp;
    // Without Fs the reclaim could not do its best, and for large blocks a death would not help.
    if (!hooks() || wanted.order > kCostlyOrder || !has(gfp, Gfp::Fs) || has(gfp, Gfp::NoRetry)) {
        return false;
    }
    const bool bound = wanted.nodes != kAllNodes;
    if (bound && has(gfp, Gfp::ThisNode)) return false;  // there is memory elsewhere
    return hooks()->out_of_memory(gfp, wanted.order, bound);
}

void warn_alloc(Gfp gfp, unsigned order) {
    if (has(gfp, Gfp::NoWarn)) return;
    printk(Level::Warning, "page allocation failure: order %u, gfp %#x", order,
           static_cast<u32>(gfp));
}

/// Pageblocks that are kept back for urgent allocations are worth less than any page at all.
void unreserve_highatomic(const AllocContext& wanted) {
    for (Zone** at = wanted.preferred.zonelist[wanted.highest]; *at != nullptr; at++) {
        IrqGuard guard((*at)->lock);
        if ((*at)->unreserve_highatomic_pageblock()) return;
    }
}

/// The part that may sleep: reclaims until there is a page or no hope.
Page* reclaim_and_retry(const AllocContext& wanted) {
    const Gfp gfp = wanted.gfp;
    for (unsigned failures = 0;;) {
        const u64 freed = try_to_free_pages(wanted);
        if (Page* page = get_page_from_freelist(wanted, kWmarkMin)) return page;
        unreserve_highatomic(wanted);
        drain_all_pages();
        if (Page* page = get_page_from_freelist(wanted, kWmarkMin)) return page;

        const bool no_fail = has(gfp, Gfp::NoFail);
        if (has(gfp, Gfp::NoRetry) && !no_fail) return nullptr;
        if (freed > 0 && ++failures < kMaxRetries && wanted.order <= kCostlyOrder) continue;
        if (out_of_memory(wanted)) {
            failures = 0;
        } else if (!no_fail) {
            return nullptr;
        }
    }
}

}  // namespace

Page* alloc_pages_slowpath(AllocContext& wanted) {
    const Gfp gfp = wanted.gfp;
    if (has(gfp, Gfp::KswapdReclaim)) wake_all_kswapds(wanted);
    if (Page* page = get_page_from_freelist(wanted, kWmarkMin)) return page;

    const bool reserves = may_use_reserves(gfp);
    Page* page = nullptr;
    if (has(gfp, Gfp::DirectReclaim) && may_sleep() && !reserves) {
        page = reclaim_and_retry(wanted);
    } else {
        if (reserves) wanted.gfp = gfp | Gfp::MemAlloc;
        drain_local_pages();
        page = get_page_from_freelist(wanted, kWmarkMin);
    }
    if (page == nullptr) warn_alloc(gfp, wanted.order);
    return page;
}

void register_reclaim(const ReclaimHooks& hooks) {
    reclaim.store(&hooks, std::memory_order_release);
}

void register_shrinker(Shrinker& shrinker) {
    shrinker.next = shrinkers;
    shrinkers = &shrinker;
}

u64 shrink_all(u64 wanted) {
    u64 freed = 0;
    for (Shrinker* s = shrinkers; s != nullptr; s = s->next) freed += s->shrink(wanted);
    return freed;
}

}  // namespace mm
