// The page tables of a process: finding, making and taking apart.

#include "vm/tables/page_walk.h"

#include <array>

namespace vm {

namespace {

constexpr unsigned kTopLevel = arch::kLevels - 1;

/// Addresses that one entry of a table of `level` covers.
constexpr u64 reach(unsigned level) { return kPageSize << (level * arch::kIndexBits); }

unsigned slot(VirtAddr at, unsigned level) {
    return (at.raw() / reach(level)) & (arch::kEntries - 1);
}
PageTable& table_behind(Pte entry) { return *arch::phys_to_virt<PageTable>(start_of(entry.pfn())); }

/// Goes down towards the leaf table of `at`; stops at `level` if a table below that is absent.
PageTable& descend(PageTable& root, VirtAddr at, unsigned& level) {
    PageTable* table = &root;
    for (level = kTopLevel; level > 0; level--) {
        const Pte entry = read_pte(&table->entry[slot(at, level)]);
        if (!entry.present()) break;
        table = &table_behind(entry);
    }
    return *table;
}

/// Makes the tables for `at` and counts them.
Result<Pte*> walk_and_count(MmStruct& mm, VirtAddr at) {
    IrqGuard guard(mm.page_table_lock);
    unsigned before, after;
    descend(*mm.page_table, at, before);
    Result<Pte*> made = mm::walk(*mm.page_table, at, mm::Missing::Create);
    descend(*mm.page_table, at, after);
    mm.page_table_pages.fetch_add(before - after, std::memory_order_relaxed);
    return made;
}

/// What unlink_tables() was asked for.
struct Unlinking {
    AddrRange range, free;
    PageList& list;
};

/// unlink_tables() for one table, whose first entry stands for `base`.
void unlink_below(PageTable& table, unsigned level, VirtAddr base, const Unlinking& job) {
    const auto [start, end] = job.range;
    const u64 first = start <= base ? 0 : (start - base) / reach(level);
    const u64 past = std::min<u64>(arch::kEntries, (end - base + reach(level) - 1) / reach(level));
    for (u64 i = first; i < past; i++) {
        Pte& entry = table.entry[i];
        if (!entry.present()) continue;
        const VirtAddr low = base + i * reach(level), high = low + reach(level);
        PageTable& child = table_behind(entry);
        if (level > 1) unlink_below(child, level - 1, low, job);
        if (job.free.start <= low && high <= job.free.end) {
            set_pte(&entry, Pte{0});
            job.list.push_back(mm::page_of(&child));
        }
    }
}

}  // namespace

LeafSpan next_leaf(PageTable& root, VirtAddr at, VirtAddr end) {
    while (at < end) {
        unsigned level;
        PageTable& table = descend(root, at, level);
        if (level == 0) {
            const VirtAddr stop = std::min(end, mm::next_table(at));
            return {&table.entry[slot(at, 0)], at, (stop - at) >> kPageShift};
        }
        at = VirtAddr(align_down(at.raw(), reach(level)) + reach(level));
    }
    return {};
}

Pte* find_pte(PageTable& root, VirtAddr at) {
    unsigned level;
    PageTable& table = descend(root, at, level);
    return level == 0 ? &table.entry[slot(at, 0)] : nullptr;
}

Result<Pte*> alloc_pte(MmStruct& mm, VirtAddr at) {
    if (Pte* found = find_pte(*mm.page_table, at)) return found;
    Result<Pte*> made = walk_and_count(mm, at);
    if (made.ok()) return made;

    // Under the spin lock the allocator cannot reclaim. Let it do so here, then try once more.
    mm::free_pages(*TRY(mm::alloc_page(mm::Gfp::Kernel | mm::Gfp::User)), 0);
    return walk_and_count(mm, at);
}

void unlink_tables(MmStruct& mm, AddrRange range, AddrRange free, PageList& list) {
    if (range.start >= range.end) return;
    const usize before = list.size();
    unlink_below(*mm.page_table, kTopLevel, VirtAddr(0), {range, free, list});
    const i64 count = static_cast<i64>(list.size() - before);
    mm.page_table_pages.fetch_sub(count, std::memory_order_relaxed);
}

void free_tables(PageList& list) {
    while (mm::Page* page = list.pop_front()) {
        page->clear(mm::kPageTable);
        mm::count_vm(mm::VmItem::TablePages, -1);
        mm::free_pages(*page, 0);
    }
}

void RssDelta::apply(MmStruct& mm) const {
    if (anon) mm.rss_anon.fetch_add(anon, std::memory_order_relaxed);
    if (file) mm.rss_file.fetch_add(file, std::memory_order_relaxed);
    if (shmem) mm.rss_shmem.fetch_add(shmem, std::memory_order_relaxed);
    const i64 now = mm.rss();
    if (now > mm.hiwater_rss.load(std::memory_order_relaxed)) [[unlikely]] {
        mm.hiwater_rss.store(now, std::memory_order_relaxed);
    }
}

}  // namespace vm
