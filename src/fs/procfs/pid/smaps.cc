// smaps and smaps_rollup: what of each area is in memory, and with whom it is shared.
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid_entry.h"
#include "mm/slab.h"
#include "vm/tables/page_walk.h"

namespace procfs {
namespace {

constexpr unsigned kPssShift = 12;  // fraction bits: a page shared by three counts a third

/// Bytes; `pss` and `pss_dirty` and `locked` with kPssShift fraction bits.
struct Totals {
    u64 rss = 0, pss = 0, pss_dirty = 0, locked = 0;
    u64 shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
    u64 referenced = 0, anonymous = 0;

    void add_page(vm::Pte entry, bool is_locked) {
        const mm::Page& page = mm::page_of(entry.pfn());
        const u64 mappers = std::max(1u, page.map_count.load(std::memory_order_relaxed));
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
        referenced += other.referenced, anonymous += other.anonymous;
    }
};

/// mmap_lock is held.
Totals count_area(vm::MmStruct& mm, const vm::VmArea& area) {
    Totals totals;
    VirtAddr at = area.start;
    while (const vm::LeafSpan span = vm::next_leaf(*mm.page_table, at, area.end)) {
        IrqGuard guard(mm.page_table_lock);  // no page behind these entries is freed meanwhile
        for (usize i = 0; i < span.count; i++) {
            const vm::Pte entry = vm::read_pte(&span.first[i]);
            if (vm::has_page(entry)) totals.add_page(entry, area.flags & vm::kVmLocked);
        }
        at = span.end();
    }
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
    // Neither huge pages nor swap space exist.
    for (const char* name : {"LazyFree:", "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:",
                             "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:", "SwapPss:"}) {
        print_kib(out, name, 0);
    }
    print_kib(out, "Locked:", totals.locked >> kPssShift);
}

struct FlagName {
    u32 flag;
    const char* name;
};
constexpr FlagName kFlagNames[] = {
    {vm::kVmRead, "rd "},       {vm::kVmWrite, "wr "},     {vm::kVmExec, "ex "},
    {vm::kVmShared, "sh "},     {vm::kVmMayRead, "mr "},   {vm::kVmMayWrite, "mw "},
    {vm::kVmMayExec, "me "},    {vm::kVmShared, "ms "},    {vm::kVmGrowsDown, "gd "},
    {vm::kVmPfnMap, "pf "},     {vm::kVmLocked, "lo "},    {vm::kVmDontCopy, "dc "},
    {vm::kVmDontExpand, "de "}, {vm::kVmNoReserve, "nr "}, {vm::kVmWipeOnFork, "wf "},
    {vm::kVmDontDump, "dd "},
};

void print_area(SeqFile& out, vm::MmStruct& mm, const vm::VmArea& area) {
    print_kib(out, "Size:", area.pages() * kPageSize);
    print_kib(out, "KernelPageSize:", kPageSize);
    print_kib(out, "MMUPageSize:", kPageSize);
    print_totals(out, count_area(mm, area));
    out.write("THPeligible:    0\nVmFlags: ");
    for (const FlagName& flag : kFlagNames) {
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
