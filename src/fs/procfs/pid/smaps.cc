// smaps and smaps_rollup: what of each area is in memory, and with whom it is shared.
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid/entries.h"
#include "fs/procfs/pid_entry.h"
#include "mm/slab.h"
#include "vm/huge/huge.h"
#include "vm/swap/swap.h"

namespace procfs {
namespace {

constexpr unsigned kPssShift = 12;  // fraction bits: a page shared by three counts a third

/// Bytes; `pss` and `pss_dirty` and `locked` with kPssShift fraction bits.
struct Totals {
    u64 rss = 0, pss = 0, pss_dirty = 0, locked = 0;
    u64 shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
    u64 referenced = 0, anonymous = 0, huge = 0, swap = 0, swap_pss = 0;

    void add_swapped(vm::SwapEntry entry) {
        swap += kPageSize;
        swap_pss += (kPageSize << kPssShift) / std::max(1u, vm::swap_count(entry));
    }

    void add_page(vm::Pte entry, bool is_locked) {
        const mm::Page& page = mm::page_of(entry.pfn());
        const u64 mappers = std::max(1u, vm::mappers_of(page));
        const u64 share = (kPageSize << kPssShift) / mappers;
        const bool is_dirty = entry.dirty() || page.has(mm::kPageDirty);
        rss += kPageSize;
        pss += share;
        if (is_dirty) pss_dirty += share;
        if (is_locked) locked += share;
        if (page.has(mm::kPageAnon)) anonymous += kPageSize;
        if (entry.bits & vm::Pte::kAccessed) referenced += kPageSize;
        if (mappers > 1) {
            (is_dirty ? shared_dirty : shared_clean) += kPageSize;
        } else {
            (is_dirty ? private_dirty : private_clean) += kPageSize;
        }
    }
    void add(const Totals& other) {
        rss += other.rss, pss += other.pss, pss_dirty += other.pss_dirty, locked += other.locked;
        shared_clean += other.shared_clean, shared_dirty += other.shared_dirty;
        private_clean += other.private_clean, private_dirty += other.private_dirty;
        referenced += other.referenced, anonymous += other.anonymous, huge += other.huge;
        swap += other.swap, swap_pss += other.swap_pss;
    }
};

/// mmap_lock is held.
Totals count_area(vm::MmStruct& mm, const vm::VmArea& area) {
    Totals totals;
    for_each_entry(mm, area, [&](vm::Pte entry, bool is_huge) {
        if (is_huge) totals.huge += kPageSize;
        if (vm::is_swap(entry)) totals.add_swapped(vm::swap_entry_of(entry));
        if (vm::has_page(entry)) totals.add_page(entry, area.flags & vm::kVmLocked);
    });
    return totals;
}

void print_kib(SeqFile& out, const char* name, u64 bytes) {
    out.print("%-16s%8lu kB\n", name, bytes >> 10);
}

void print_totals(SeqFile& out, const Totals& totals) {
    print_kib(out, "Rss:", totals.rss);
    print_kib(out, "Pss:", totals.pss >> kPssShift);
    print_kib(out, "Pss_Dirty:", totals.pss_dirty >> kPssShift);
    print_kib(out, "Shared_Clean:", totals.shared_clean);
    print_kib(out, "Shared_Dirty:", totals.shared_dirty);
    print_kib(out, "Private_Clean:", totals.private_clean);
    print_kib(out, "Private_Dirty:", totals.private_dirty);
    print_kib(out, "Referenced:", totals.referenced);
    print_kib(out, "Anonymous:", totals.anonymous);
    print_kib(out, "LazyFree:", 0);
    print_kib(out, "AnonHugePages:", totals.huge);
    for (const char* name :
         {"ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:"}) {
        print_kib(out, name, 0);
    }
    print_kib(out, "Swap:", totals.swap);
    print_kib(out, "SwapPss:", totals.swap_pss >> kPssShift);
    print_kib(out, "Locked:", totals.locked >> kPssShift);
}

struct FlagName {
    u32 flag;
    const char* name;
};
constexpr FlagName kFlagNames[] = {
    {vm::kVmRead, "rd "},      {vm::kVmWrite, "wr "},      {vm::kVmExec, "ex "},
    {vm::kVmShared, "sh "},    {vm::kVmMayRead, "mr "},    {vm::kVmMayWrite, "mw "},
    {vm::kVmMayExec, "me "},   {vm::kVmShared, "ms "},     {vm::kVmGrowsDown, "gd "},
    {vm::kVmPfnMap, "pf "},    {vm::kVmLocked, "lo "},     {vm::kVmSeqRead, "sr "},
    {vm::kVmRandRead, "rr "},  {vm::kVmDontCopy, "dc "},   {vm::kVmDontExpand, "de "},
    {vm::kVmNoReserve, "nr "}, {vm::kVmWipeOnFork, "wf "}, {vm::kVmDontDump, "dd "},
};
constexpr FlagName kLastFlagNames[] = {
    {vm::kVmHugePage, "hg "},
    {vm::kVmNoHugePage, "nh "},
};

void print_area(SeqFile& out, vm::MmStruct& mm, const vm::VmArea& area) {
    print_kib(out, "Size:", area.pages() * kPageSize);
    print_kib(out, "KernelPageSize:", kPageSize);
    print_kib(out, "MMUPageSize:", kPageSize);
    print_totals(out, count_area(mm, area));
    const VirtAddr first(align_up(area.start.raw(), vm::kHugeSize));
    out.print("THPeligible:    %u\nVmFlags: ", unsigned(vm::wants_huge_page(area, first)));
    for (const FlagName& flag : kFlagNames) {
        if (area.flags & flag.flag) out.write(flag.name);
    }
    if (area.soft_dirty.load(std::memory_order_relaxed)) out.write("sd ");
    for (const FlagName& flag : kLastFlagNames) {
        if (area.flags & flag.flag) out.write(flag.name);
    }
    out.write("\n");
}

}  // namespace

Result<void> show_smaps(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    {
        sched::ReadGuard guard(mm->mmap_lock);
        for (const vm::VmArea& area : mm->areas) {
            write_area(out, area, {room, kPageSize});
            print_area(out, *mm, area);
        }
    }
    mm::kfree(room);
    return {};
}

Result<void> show_smaps_rollup(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return ESRCH;
    Totals totals;
    VirtAddr start, end;
    {
        sched::ReadGuard guard(mm->mmap_lock);
        for (const vm::VmArea& area : mm->areas) {
            if (start.raw() == 0) start = area.start;
            end = area.end;
            totals.add(count_area(*mm, area));
        }
    }
    out.print("%08lx-%08lx ---p 00000000 00:00 0                          [rollup]\n", start, end);
    print_totals(out, totals);
    return {};
}

}  // namespace procfs
