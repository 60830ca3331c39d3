// Where the memory is: meminfo, vmstat, slabinfo, buddyinfo, zoneinfo.
#include "fs/procfs/system.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vm_stat.h"
#include "mm/zone.h"
#include "sched/task.h"
#include "vm/address_space.h"

namespace procfs {
namespace {

constexpr u64 kKiB = kPageSize / 1024;

u64 slab_pages() {
    u64 pages = 0;
    for (mm::KmemCache* cache = mm::KmemCache::first(); cache; cache = cache->next()) {
        const mm::KmemCache::Stats stats = cache->stats();
        pages += stats.slabs << stats.order;
    }
    return pages;
}

u64 free_in(mm::Zone& zone) {
    IrqGuard guard(zone.lock);
    return zone.free_pages;
}

u64 kernel_stack_pages() { return sched::task_count() * (sched::kKernelStackSize / kPageSize); }

void print_kib(SeqFile& out, const char* name, u64 pages) {
    out.print("%-15s %8lu kB\n", name, pages * kKiB);
}

}  // namespace

Result<void> show_swaps(SeqFile& out, void*) {
    out.write("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return {};
}

Result<void> show_meminfo(SeqFile& out, void*) {
    const u64 total = mm::total_pages(), free = mm::free_page_count();
    const u64 cached = vm::cached_pages(), shared = vm::shmem_pages();
    const u64 droppable = cached > shared ? cached - shared : 0;
    print_kib(out, "MemTotal:", total);
    print_kib(out, "MemFree:", free);
    print_kib(out, "MemAvailable:", free + droppable);
    print_kib(out, "Buffers:", 0);
    print_kib(out, "Cached:", cached);
    print_kib(out, "SwapCached:", 0);
    print_kib(out, "SwapTotal:", 0);
    print_kib(out, "SwapFree:", 0);
    print_kib(out, "Dirty:", 0);
    print_kib(out, "Writeback:", 0);
    print_kib(out, "AnonPages:", mm::vm_count(mm::VmItem::AnonPages));
    print_kib(out, "Mapped:", mm::vm_count(mm::VmItem::MappedPages));
    print_kib(out, "Shmem:", shared);
    const u64 slabs = slab_pages();
    print_kib(out, "Slab:", slabs);
    print_kib(out, "SReclaimable:", 0);
    print_kib(out, "SUnreclaim:", slabs);
    print_kib(out, "KernelStack:", kernel_stack_pages());
    print_kib(out, "PageTables:", mm::vm_count(mm::VmItem::TablePages));
    return {};
}

Result<void> show_vmstat(SeqFile& out, void*) {
    out.print("nr_free_pages %lu\n", mm::free_page_count());
    out.print("nr_slab_unreclaimable %lu\n", slab_pages());
    out.print("nr_anon_pages %lu\nnr_mapped %lu\n", mm::vm_count(mm::VmItem::AnonPages),
              mm::vm_count(mm::VmItem::MappedPages));
    out.print("nr_file_pages %lu\nnr_dirty 0\nnr_writeback 0\nnr_shmem %lu\n", vm::cached_pages(),
              vm::shmem_pages());
    out.print("nr_kernel_stack %lu\nnr_page_table_pages %lu\n",
              sched::task_count() * (sched::kKernelStackSize / 1024),
              mm::vm_count(mm::VmItem::TablePages));
    // No device and no swap space, so nothing moves.
    out.write("pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n");
    out.print("pgfault %lu\npgmajfault %lu\n", mm::vm_count(mm::VmItem::PageFaults),
              mm::vm_count(mm::VmItem::MajorFaults));
    return {};
}

Result<void> show_slabinfo(SeqFile& out, void*) {
    out.print(
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (mm::KmemCache* cache = mm::KmemCache::first(); cache; cache = cache->next()) {
        const mm::KmemCache::Stats stats = cache->stats();
        out.print("%-17s %6lu %6lu %6u %4u %4u : tunables    0    0    0", cache->name(),
                  stats.objects_in_use, stats.objects_total, stats.slot_size,
                  stats.objects_per_slab, 1u << stats.order);
        out.print(" : slabdata %6lu %6lu      0\n", stats.slabs, stats.slabs);
    }
    return {};
}

Result<void> show_buddyinfo(SeqFile& out, void*) {
    for (mm::Zone& zone : mm::zones) {
        if (zone.managed == 0) continue;
        out.print("Node 0, zone %8s ", zone.name);
        for (unsigned order = 0; order <= mm::kMaxOrder; order++) {
            u64 count = 0;
            {
                IrqGuard guard(zone.lock);
                count = zone.free_area[order].count;
            }
            out.print("%6lu ", count);
        }
        out.print("\n");
    }
    return {};
}

Result<void> show_zoneinfo(SeqFile& out, void*) {
    for (mm::Zone& zone : mm::zones) {
        if (zone.managed == 0) continue;
        out.print("Node 0, zone %8s\n  pages free     %lu\n        min      %lu\n", zone.name,
                  free_in(zone), zone.watermark_min);
        out.print("        spanned  %lu\n        managed  %lu\n  start_pfn:           %lu\n",
                  zone.end - zone.start, zone.managed, zone.start);
    }
    return {};
}

}  // namespace procfs
