// See leaks.h. Linux: mm/kmemleak.c.
//
// Mark and sweep without stopping anybody. A mark is the number of the pass that set it; an object
// that is made meanwhile is born marked. A pointer that lives in a register only, or moves from a
// place not yet looked at to one that has been, is missed: hence two passes with a pause between.
// Frees wait in the quarantine as long as a pass lasts, so every slot stays what it is.

#include "mm/kasan/leaks.h"

#include <span>

#include "mm/init.h"
#include "mm/kasan/quarantine.h"

namespace mm {

constinit std::atomic<u64> leak_pass{1};

namespace {

constexpr u64 kNever = ~u64{0};  // a mark: forgotten by forget_leaks()
constinit std::atomic<bool> is_scanning{false};

struct Pass {
    u64 number;
    void* gray = nullptr;  // found, but not yet looked into: chained through their meta data
};

void look_at(Pass& pass, u64 word) {
    Slot slot;
    if (!find_slot(reinterpret_cast<void*>(word), slot) || !slot.is_live()) return;
    ObjectMeta& meta = slot.meta();
    if (meta.leak_mark >= pass.number) return;
    meta.leak_mark = pass.number;
    meta.gray = pass.gray;
    pass.gray = slot.object;
}

void look_into(Pass& pass, const void* memory, usize bytes) {
    const auto* words = static_cast<const volatile u64*>(memory);
    for (usize i = 0; i < bytes / sizeof(u64); i++) look_at(pass, words[i]);
}

void follow_gray(Pass& pass) {
    Slot slot;
    while (void* const object = pass.gray) {
        if (!find_slot(object, slot)) return;
        pass.gray = slot.meta().gray;
        look_into(pass, object, slot.cache->object_size);
    }
}

/// Kernel memory that is no object: the image and boot memory, stacks, large blocks.
bool is_root(const Page& page) {
    constexpr u32 kNotRoots =
        kPageSlab | kPageTail | kPageBuddy | kPagePcp | kPageAnon | kPageTable;
    if (page.has(kPageReserved)) return true;
    // Not by its order: what a free block is made of keeps those that its parts once had.
    const bool is_used = page.ref_count.load(std::memory_order_relaxed) != 0 || page.has(kPageHead);
    return is_used && !(page.flags.load(std::memory_order_relaxed) & kNotRoots);
}

template <class Visit>
void for_each_page(Visit visit) {
    for (const PhysRange& range : ram_ranges()) {
        const Pfn last = ::pfn_of(PhysAddr(align_down(range.end, kPageSize)));
        for (Pfn at = ::pfn_of(PhysAddr(align_up(range.start, kPageSize))); at < last; at += 1) {
            visit(page_of(at));
        }
    }
}

void do_pass() {
    Pass pass{.number = leak_pass.fetch_add(1) + 1};
    for_each_page([&](Page& page) {
        if (is_root(page)) look_into(pass, bytes_of(page), kPageSize);
        follow_gray(pass);
    });
}

/// Every slot of every slab in which an object lives.
template <class Visit>
void for_each_object(Visit visit) {
    for_each_page([&](Page& page) {
        if (!page.has(kPageSlab) || page.has(kPageTail) || page.slab_cache == nullptr) return;
        KmemCache& cache = *page.slab_cache;
        for (u32 i = 0; i < counters_of(page).objects; i++) {
            const Slot slot = slot_of(cache, object_at(cache, page, i));
            if (slot.is_live()) visit(slot);
        }
    });
}

bool is_lost(const Slot& slot) {
    const u64 mark = slot.meta().leak_mark;
    return mark != kNever && mark + 2 <= leak_pass.load();
}

}  // namespace

u64 scan_for_leaks() {
    if (is_scanning.exchange(true)) return 0;
    hold_quarantine(true);
    do_pass();
    do_pass();
    u64 count = 0;
    for_each_object([&](const Slot& slot) { count += is_lost(slot); });
    hold_quarantine(false);
    is_scanning.store(false);
    return count;
}

void for_each_leak(void (*visit)(const Slot&, void*), void* context) {
    hold_quarantine(true);
    for_each_object([&](const Slot& slot) {
        if (is_lost(slot)) visit(slot, context);
    });
    hold_quarantine(false);
}

void forget_leaks() {
    hold_quarantine(true);
    for_each_object([](const Slot& slot) {
        if (is_lost(slot)) slot.meta().leak_mark = kNever;
    });
    hold_quarantine(false);
}

}  // namespace mm
