// The page tables of a process: finding, making and taking apart.

#include "vm/tables/page_walk.h"

#include <array>

#include "lib/lab.h"
#include "vm/huge/huge.h"

namespace vm {

namespace {

constexpr unsigned kTopLevel = arch::kLevels - 1;

/// Addresses that one entry of a table of `level` covers.
constexpr u64 reach(unsigned level) { return kPageSize << (level * arch::kIndexBits); }

unsigned slot(VirtAddr at, unsigned level) {
    return (at.raw() / reach(level)) & (arch::kEntries - 1);
}
[[maybe_unused]] PageTable& table_behind(Pte entry) {
    return *arch::phys_to_virt<PageTable>(start_of(entry.pfn()));
}

/// LAB paging, task 2 "Tables" (handouts/04-paging.md). Write the body.
///   Before  mmap_lock is held, so tables do not go; but others may make tables meanwhile.
///   After   the table in which the walk to `at` ends, and its level: 0 for a leaf table, more if
///           its entry for `at` is not present or a large page.
///   Use     read_pte(), slot(), table_behind().
///   Check   `make grade LAB=paging T=walk`
PageTable& descend(PageTable& root, VirtAddr at, unsigned& level) {
#ifdef SOLVED_PAGING
    PageTable* table = &root;
    for (level = kTopLevel; level > 0; level--) {
        const Pte entry = read_pte(&table->entry[slot(at, level)]);
        if (!entry.present() || entry.large()) break;
        table = &table_behind(entry);
    }
    return *table;
#else
    lab_todo("paging", "descend");
#endif
}

/// Makes the tables for `at` down to `level` and counts them.
Result<Pte*> walk_and_count(MmStruct& mm, VirtAddr at, unsigned level) {
    IrqGuard guard(mm.page_table_lock);
    unsigned before, after;
    descend(*mm.page_table, at, before);
    Result<Pte*> made = mm::walk(*mm.page_table, at, mm::Missing::Create, level);
    descend(*mm.page_table, at, after);
    mm.page_table_pages.fetch_add(before - after, std::memory_order_relaxed);
    return made;
}

/// What unlink_tables() was asked for.
struct Unlinking {
    AddrRange range, free;
    PageList& list;
};

/// LAB paging, task 2 "Tables" (handouts/04-paging.md). Write the body.
///   Before  the first entry of this table of `level` > 0 stands for `base`. job.range overlaps
///           what the table translates; all its leaf entries are none.
///   After   of the tables below that translate some of job.range, those that lie wholly inside
///           job.free are out of the tree and on job.list, lower ones before the ones above them;
///           the others stay.
///   Use     reach(), table_behind(), set_pte(), mm::page_of(), unlink_below().
///   Check   `make grade LAB=paging T=walk`
///   Think   a table outside job.free is somebody else's, too. And one level below it?
void unlink_below(PageTable& table, unsigned level, VirtAddr base, const Unlinking& job) {
#ifdef SOLVED_PAGING
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
#else
    lab_todo("paging", "unlink_below");
#endif
}

}  // namespace

LeafSpan next_leaf(MmStruct& mm, VirtAddr at, VirtAddr end, Huge huge) {
    while (at < end) {
        unsigned level;
        PageTable& table = descend(*mm.page_table, at, level);
        const VirtAddr stop = std::min(end, mm::next_table(at));
        if (level == 0) return {&table.entry[slot(at, 0)], at, (stop - at) >> kPageShift};
        Pte* const entry = &table.entry[slot(at, level)];
        if (level == 1 && is_huge(read_pte(entry))) {
            if (huge == Huge::Peek || (huge == Huge::Whole && stop - at == kHugeSize)) {
                return {entry, at, (stop - at) >> kPageShift, true};
            }
            split_huge(mm, at);
            continue;
        }
        if (read_pte(entry).present()) continue;  // split, or made, since we went by
        at = VirtAddr(align_down(at.raw(), reach(level)) + reach(level));
    }
    return {};
}

Pte* find_pte(PageTable& root, VirtAddr at) {
    unsigned level;
    PageTable& table = descend(root, at, level);
    return level == 0 ? &table.entry[slot(at, 0)] : nullptr;
}

Result<Pte*> alloc_entry(MmStruct& mm, VirtAddr at, unsigned level) {
    Result<Pte*> made = walk_and_count(mm, at, level);
    if (made.ok() || made.error() != ENOMEM) return made;

    // Under the spin lock the allocator cannot reclaim. Let it do so here, then try once more.
    mm::free_pages(*TRY(mm::alloc_page(mm::Gfp::Kernel | mm::Gfp::User)), 0);
    return walk_and_count(mm, at, level);
}

Result<Pte*> alloc_pte(MmStruct& mm, VirtAddr at) {
    if (Pte* found = find_pte(*mm.page_table, at)) return found;
    return alloc_entry(mm, at, 0);
}

Result<mm::Page*> new_table(MmStruct& mm) {
    using enum mm::Gfp;
    mm::Page* table = TRY(mm::alloc_page(Kernel | Zero));
    table->set(mm::kPageTable);
    mm::count_vm(mm::VmItem::TablePages);
    mm.page_table_pages.fetch_add(1, std::memory_order_relaxed);
    return table;
}

void give_table_back(MmStruct& mm, mm::Page& table) {
    PageList list;
    list.push_back(table);
    free_tables(list);
    mm.page_table_pages.fetch_sub(1, std::memory_order_relaxed);
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
    if (swap) mm.swap_pages.fetch_add(swap, std::memory_order_relaxed);
    if (shmem) mm.rss_shmem.fetch_add(shmem, std::memory_order_relaxed);
    const i64 now = mm.rss();
    if (now > mm.hiwater_rss.load(std::memory_order_relaxed)) [[unlikely]] {
        mm.hiwater_rss.store(now, std::memory_order_relaxed);
    }
}

}  // namespace vm
