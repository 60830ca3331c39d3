// alloc_pages(), free_pages(), put_page(): what happens nearly always is here; what happens when
// there is no page on this processor's list is in zonelist.cc, when there is none at all in
// slow_path.cc. The buddy system itself is zone.cc.

#include "mm/page_alloc.h"

#include "core/log/printk.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "lib/string.h"
#include "mm/fault_inject.h"
#include "mm/kasan.h"
#include "mm/mm_trace.h"
#include "mm/page_alloc/internal.h"
#include "mm/page_alloc/node.h"
#include "mm/page_poison.h"
#include "mm/vm_stat.h"

namespace mm {

/// By the low bits of a Gfp: this processor's list of the first zone of its node to be asked. Never
/// null.
PER_CPU PerCpuPages* first_pageset[kGfpZones] = {};

namespace {

/// What no page may be when it becomes free: in use by somebody, or free already.
constexpr u32 kFlagsNotFree = kPageReserved | kPageBuddy | kPagePcp | kPageSlab | kPageTail |
                              kPageTable | kPageLru | kPageWriteback | kPageUnevictable;

constinit std::atomic<u64> bad_pages{0};

/// A page of this processor's list of the first zone, or null if that is empty. The list of a type
/// that there is not is always empty.
[[gnu::always_inline]] inline Page* take_from_pcp(Gfp gfp) {
    const u32 bits = static_cast<u32>(gfp);
    IrqOffGuard guard;
    PerCpuPages& pcp = *arch::this_cpu_read(first_pageset[bits & (kGfpZones - 1)]);
    Page* const page = pcp.lists[bits >> 3 & 3].pop_front();
    if (page != nullptr) [[likely]] {
        pcp.count--;
        pcp.fast++;
    }
    return page;
}

void prep_compound_page(Page& head, unsigned order) {
    head.set(kPageHead);
    for (u64 i = 1; i < u64{1} << order; i++) {
        Page& tail = (&head)[i];
        tail.flags.store(kPageTail, std::memory_order_relaxed);
        tail.ref_count.store(0, std::memory_order_relaxed);
        tail.map_count.store(0, std::memory_order_relaxed);
        tail.head = &head;
        tail.index = 0;  // compound_map_count of the first
    }
}

/// False if it is not the compound page it should be.
bool destroy_compound_page(Page& head, unsigned order) {
    if (head.order != order) return false;
    for (u64 i = 1; i < u64{1} << order; i++) {
        Page& tail = (&head)[i];
        if (!tail.has(kPageTail) || tail.head != &head) return false;
        tail.flags.store(0, std::memory_order_relaxed);
        tail.head = nullptr;
    }
    return true;
}

/// What few allocations want, or a trace does.
[[gnu::noinline]] Result<Page*> prep_special(Page& page, Gfp gfp, unsigned order) {
    if (order > 0 && has(gfp, Gfp::Comp)) prep_compound_page(page, order);
    if (has(gfp, Gfp::Zero)) memset(bytes_of(page), 0, kPageSize << order);
    trace::point(
        MmPageAlloc{.pfn = pfn_of(page).raw(), .order = order, .gfp_flags = static_cast<u32>(gfp)});
    return &page;
}

/// The rest of Page is as every free page has it: no mapping count, no order.
[[gnu::always_inline]] inline Result<Page*> prep_new_page(Page& page, Gfp gfp, unsigned order) {
    page.flags.store(0, std::memory_order_relaxed);
    page.ref_count.store(1, std::memory_order_relaxed);
    page.mapping = nullptr;
    kasan_alloc_pages(page, order);
    page_poison_alloc(page, order);
    constexpr u32 kSpecial = static_cast<u32>(Gfp::Zero | Gfp::Comp);
    if ((static_cast<u32>(gfp) & kSpecial) || trace::is_enabled<MmPageAlloc>()) [[unlikely]] {
        return prep_special(page, gfp, order);
    }
    return &page;
}

constexpr u32 kOnLru = kPageLru | kPageLruPending;

/// What is left to do, or to refuse, before a block that nobody refers to becomes free. Refused
/// pages are reported and lost: that is better than two users of one page.
bool free_pages_prepare(Page& page, unsigned order) {
    const u32 flags = page.flags.load(std::memory_order_relaxed);
    if (flags & kFlagsNotFree) {
        bad_page(page, "freed while in use, or twice");
        return false;
    }
    if (page.map_count.load(std::memory_order_relaxed) != 0) {
        bad_page(page, "freed while mapped");
        return false;
    }
    if ((flags & kPageHead) && !destroy_compound_page(page, order)) {
        bad_page(page, "freed as a compound page that it is not");
        return false;
    }
    trace::point(MmPageFree{.pfn = pfn_of(page).raw(), .order = order});
    count_vm(VmItem::PageFree, i64{1} << order);
    page_poison_free(page, order);
    kasan_free_pages(page, order);
    return true;
}

[[gnu::noinline]] void free_to_zone(Zone& zone, Page& page, unsigned order) {
    page.flags.store(0, std::memory_order_relaxed);
    IrqGuard guard(zone.lock);
    zone.free_one_page(zone.frame_of(page), order);
}

/// The list is full; interrupts are off, and as before afterwards.
[[gnu::noinline]] void drain_batch(Zone& zone, PerCpuPages& pcp, bool irqs_were_on) {
    {
        IrqGuard guard(zone.lock);
        pcp.drain(zone, pcp.high > pcp.batch ? pcp.high - pcp.batch : 0);
    }
    arch::irq_restore(irqs_were_on);
}

[[gnu::noinline]] void free_block(Page& page, unsigned order) {
    if (free_pages_prepare(page, order)) free_to_zone(zone_of(page), page, order);
}

void free_special(Page& page);

/// Puts a page that nobody refers to, and about which there is nothing special, on this processor's
/// list. What is rare is called last, so that this needs no stack.
[[gnu::always_inline]] inline void free_single(Page& page) {
    constexpr u32 kNotPlain = kFlagsNotFree | kPageHead | kOnLru;
    if ((page.flags.load(std::memory_order_relaxed) & kNotPlain) |
        page.map_count.load(std::memory_order_relaxed)) [[unlikely]] {
        return free_special(page);
    }
    if (trace::is_enabled<MmPageFree>()) [[unlikely]] {
        return free_block(page, 0);
    }
    Zone& zone = zone_of(page);
    const auto type = static_cast<u8>(zone.pageblock_type(page));
    if (type >= kPcpTypes) [[unlikely]] {
        return free_block(page, 0);
    }
    count_vm(VmItem::PageFree);
    page_poison_free(page, 0);
    kasan_free_pages(page, 0);
    const bool irqs_were_on = arch::irq_save();
    PerCpuPages& pcp = zone.pageset[cpu_id()];
    page.flags.store(kPagePcp, std::memory_order_relaxed);
    pcp.lists[type].push_front(page);
    if (++pcp.count > pcp.high) [[unlikely]] {
        return drain_batch(zone, pcp, irqs_were_on);
    }
    arch::irq_restore(irqs_were_on);
}

[[gnu::noinline]] void free_special(Page& page) {
    if (!(page.flags.load(std::memory_order_relaxed) & kOnLru)) {
        return free_block(page, compound_order(page));
    }
    if (leave_lru(page)) free_single(page);
}

[[gnu::noinline]] Result<Page*> alloc_from_zones(Gfp gfp, unsigned order,
                                                 const PolicyChoice& choice) {
    if (order > kMaxOrder) return ENOMEM;
    Page* page = nullptr;
    if (choice.first != kAllNodes) {
        page = get_page_from_freelist({gfp, order, *choice.near, choice.first}, kWmarkLow);
    }
    AllocContext wanted(gfp, order, *choice.near, choice.only);
    wanted.interleaves = choice.interleaves;
    if (page == nullptr) page = get_page_from_freelist(wanted, kWmarkLow);
    if (page == nullptr) page = alloc_pages_slowpath(wanted);
    if (page == nullptr) return ENOMEM;
    page->map_count.store(0, std::memory_order_relaxed);
    page->order = u8(order);
    count_vm_at(VmItem::AllocDma, zone_of(*page).index, u64{1} << order);
    return prep_new_page(*page, gfp, order);
}

/// The same, as the policy in force says. A function of its own keeps alloc_page() short.
[[gnu::noinline]] Result<Page*> alloc_from_zones(Gfp gfp, unsigned order) {
    return alloc_from_zones(gfp, order, choose_by_policy(gfp));
}

}  // namespace

void bad_page(const Page& page, const char* why) {
    constexpr u64 kMostReports = 60;
    if (bad_pages.fetch_add(1, std::memory_order_relaxed) >= kMostReports) return;
    printk(Level::Err, "BUG: Bad page state: pfn %#x: %s (flags %#x, references %d, mappings %d)",
           pfn_of(page).raw(), why, page.flags.load(std::memory_order_relaxed),
           i32(page.ref_count.load(std::memory_order_relaxed)),
           i32(page.map_count.load(std::memory_order_relaxed)));
}

u64 bad_page_count() { return bad_pages.load(std::memory_order_relaxed); }

Result<Page*> alloc_page(Gfp gfp) {
    if (should_fail_pages(0, gfp)) return ENOMEM;
    if (Page* page = take_from_pcp(gfp)) [[likely]] {
        return prep_new_page(*page, gfp, 0);
    }
    return alloc_from_zones(gfp, 0);
}

Result<Page*> alloc_pages(Gfp gfp, unsigned order) {
    if (order == 0) return alloc_page(gfp);
    if (should_fail_pages(order, gfp)) return ENOMEM;
    return alloc_from_zones(gfp, order);
}

Result<Page*> alloc_pages_node(unsigned node, Gfp gfp, unsigned order) {
    if (node >= nr_nodes) return EINVAL;
    if (should_fail_pages(order, gfp)) return ENOMEM;
    return alloc_from_zones(gfp, order, PolicyChoice{.near = node_data[node]});
}

void free_pages(Page& page, unsigned order) {
    if (page.ref_count.load(std::memory_order_relaxed) != 1) [[unlikely]] {
        return bad_page(page, "freed while others use it, or twice");
    }
    page.ref_count.store(0, std::memory_order_relaxed);
    if (order > 0) return free_block(page, order);
    free_single(page);
}

namespace {

[[gnu::noinline]] void put_too_often(Page& page) {
    page.ref_count.fetch_add(1, std::memory_order_relaxed);
    bad_page(page, "a reference was put that nobody had");
}

}  // namespace

void put_page(Page& page) {
    Page& head = compound_head(page);
    const u32 before = head.ref_count.fetch_sub(1, std::memory_order_acq_rel);
    if (before != 1) [[unlikely]] {
        return before == 0 ? put_too_often(head) : void();
    }
    free_single(head);
}

void split_page(Page& page, unsigned order) {
    ASSERT(!page.has(kPageHead) && page.ref_count.load(std::memory_order_relaxed) == 1);
    page.order = 0;
    for (u64 i = 1; i < u64{1} << order; i++) {
        Page& single = (&page)[i];
        single.ref_count.store(1, std::memory_order_relaxed);
        single.map_count.store(0, std::memory_order_relaxed);
        single.flags.store(0, std::memory_order_relaxed);
        single.mapping = nullptr;
        single.order = 0;
    }
}

u64 total_pages() {
    u64 sum = 0;
    for_each_zone([&](Zone& zone) { sum += zone.managed; });
    return sum;
}

u64 free_page_count() {
    u64 sum = 0;
    for_each_zone([&](Zone& zone) {
        sum += zone.free_pages_now();
        for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += zone.pageset[cpu].count; });
    });
    return sum + dead_lru_pages();
}

}  // namespace mm
