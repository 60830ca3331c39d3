// Where the memory is: meminfo, vmstat.
#include "fs/procfs/system.h"
#include "mm/page_alloc.h"
#include "mm/page_alloc/node.h"
#include "mm/page_alloc/pcp.h"
#include "mm/vm_stat.h"
#include "sched/task.h"
#include "vm/address_space.h"
#include "vm/overcommit.h"
#include "vm/swap/swap.h"

namespace procfs {
namespace {

constexpr u64 kKiB = kPageSize / 1024;

u64 kernel_stack_pages() { return sched::task_count() * (sched::kKernelStackSize / kPageSize); }

void print_kib(SeqFile& out, const char* name, u64 pages) {
    out.print("%-15s %8lu kB\n", name, pages * kKiB);
}

/// What programs could get without swapping, as Linux guesses it: what is free beyond the reserves,
/// and the better part of what can be dropped.
u64 available_pages(u64 droppable) {
    u64 reserve = 0, low = 0;
    mm::for_each_zone([&](mm::Zone& zone) {
        u64 most = 0;
        for (const u64 kept : zone.lowmem_reserve) most = std::max(most, kept);
        reserve += std::min(most + zone.watermark[mm::kWmarkHigh], zone.managed);
        low += zone.watermark[mm::kWmarkLow];
    });
    const u64 have = mm::free_page_count() + droppable - std::min(droppable / 2, low);
    return have > reserve ? have - reserve : 0;
}

/// An item of /proc/vmstat; some are counted by their owners.
u64 value_of(mm::VmItem item) {
    switch (item) {
    case mm::VmItem::FilePages: return vm::cached_pages();
    case mm::VmItem::Shmem: return vm::shmem_pages();
    case mm::VmItem::AllocDma:
    case mm::VmItem::AllocDma32:
    case mm::VmItem::AllocNormal:
        return mm::vm_count(item) +
               mm::fast_allocations(static_cast<u8>(item) - static_cast<u8>(mm::VmItem::AllocDma));
    case mm::VmItem::KernelStackKib: return kernel_stack_pages() * kKiB;
    default: return mm::vm_count(item);
    }
}

void print_numa_counts(SeqFile& out) {
    const mm::NumaCounts counts = mm::numa_counts();
    out.print("numa_hit %lu\nnuma_miss %lu\nnuma_foreign %lu\n", counts.hit, counts.miss,
              counts.foreign);
    out.print("numa_interleave %lu\nnuma_local %lu\nnuma_other %lu\n", counts.interleave,
              counts.local, counts.other);
}

}  // namespace

Result<void> show_swaps(SeqFile& out, void*) {
    out.write("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    vm::for_each_swap_area(
        [](const vm::SwapReport& area, void* context) {
            char path[128] = {};
            const usize length = area.backend.describe(std::span(path, sizeof path - 1));
            path[std::min(length, sizeof path - 1)] = '\0';
            auto& to = *static_cast<SeqFile*>(context);
            to.print("%-40s%s\t%lu\t%s%lu\t%s%d\n", static_cast<const char*>(path),
                     area.backend.is_file() ? "file\t" : "partition", area.pages * kKiB,
                     area.pages * kKiB < 10'000'000 ? "\t" : "", area.used * kKiB,
                     area.used * kKiB < 10'000'000 ? "\t" : "", area.priority);
        },
        &out);
    return {};
}

Result<void> show_meminfo(SeqFile& out, void*) {
    using enum mm::VmItem;
    const u64 shared = vm::shmem_pages(), cached = vm::cached_pages();
    const auto row = [&](const char* name, mm::VmItem item) {
        print_kib(out, name, mm::vm_count(item));
    };
    print_kib(out, "MemTotal:", mm::total_pages());
    print_kib(out, "MemFree:", mm::free_page_count());
    print_kib(out, "MemAvailable:", available_pages(cached > shared ? cached - shared : 0));
    print_kib(out, "Buffers:", 0);
    print_kib(out, "Cached:", cached);
    row("SwapCached:", SwapCached);
    print_kib(out, "Active:", mm::vm_count(ActiveAnon) + mm::vm_count(ActiveFile));
    print_kib(out, "Inactive:", mm::vm_count(InactiveAnon) + mm::vm_count(InactiveFile));
    row("Active(anon):", ActiveAnon);
    row("Inactive(anon):", InactiveAnon);
    row("Active(file):", ActiveFile);
    row("Inactive(file):", InactiveFile);
    row("Unevictable:", Unevictable);
    row("Mlocked:", Mlocked);
    print_kib(out, "SwapTotal:", vm::total_swap_pages());
    print_kib(out, "SwapFree:", vm::free_swap_pages());
    row("Dirty:", Dirty);
    row("Writeback:", Writeback);
    row("AnonPages:", AnonPages);
    row("Mapped:", MappedPages);
    print_kib(out, "Shmem:", shared);
    row("KReclaimable:", SlabReclaimable);
    print_kib(out, "Slab:", mm::vm_count(SlabReclaimable) + mm::vm_count(SlabUnreclaimable));
    row("SReclaimable:", SlabReclaimable);
    row("SUnreclaim:", SlabUnreclaimable);
    print_kib(out, "KernelStack:", kernel_stack_pages());
    row("PageTables:", TablePages);
    print_kib(out, "Bounce:", 0);
    print_kib(out, "WritebackTmp:", 0);
    print_kib(out, "CommitLimit:", vm::commit_limit());
    print_kib(out, "Committed_AS:", vm::committed_pages());
    row("AnonHugePages:", AnonHugepages);
    row("ShmemHugePages:", ShmemHugepages);
    row("ShmemPmdMapped:", ShmemPmdMapped);
    row("FileHugePages:", FileHugepages);
    row("FilePmdMapped:", FilePmdMapped);
    return {};
}

Result<void> show_vmstat(SeqFile& out, void*) {
    using enum mm::VmItem;
    out.print("nr_free_pages %lu\n", mm::free_page_count());
    for (const mm::VmItem item :
         {InactiveAnon, ActiveAnon, InactiveFile, ActiveFile, Unevictable}) {
        out.print("nr_zone_%s %lu\n", mm::vm_item_name(item) + sizeof "nr_" - 1,
                  mm::vm_count(item));
    }
    out.print("nr_zone_write_pending %lu\n", mm::vm_count(Dirty) + mm::vm_count(Writeback));
    print_numa_counts(out);
    for (u8 item = 0; item < mm::kVmItems; item++) {
        const auto which = static_cast<mm::VmItem>(item);
        out.print("%s %lu\n", mm::vm_item_name(which), value_of(which));
    }
    return {};
}

}  // namespace procfs
