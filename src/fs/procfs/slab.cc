// slabinfo and vmallocinfo: the kernel's own memory.
#include "mm/slab.h"
#include "core/log/panic.h"
#include "fs/procfs/system.h"
#include "mm/vmalloc.h"

namespace procfs {

namespace {

void print_area(SeqFile& out, const mm::VmapInfo& area) {
    using enum mm::VmapKind;
    out.print("0x%016lx-0x%016lx %7lu", area.start.raw(), area.start.raw() + area.bytes,
              area.bytes);
    if (area.is_dead) {
        out.print(" unpurged vm_area\n");
        return;
    }
    const Symbol caller = find_symbol(area.caller);
    out.print(" %s+0x%lx/0x%lx", caller.name, caller.offset, caller.size);
    if (area.kind != Ioremap) out.print(" pages=%lu", area.pages);
    if (area.kind == Ioremap) out.print(" phys=0x%016lx", area.phys.raw());
    out.print(" %s", area.kind == Vmalloc ? "vmalloc" : area.kind == Vmap ? "vmap" : "ioremap");
    if (area.kind == Vmalloc) out.print(" N0=%lu", area.pages);
    out.print("\n");
}

}  // namespace

Result<void> show_slabinfo(SeqFile& out, void*) {
    out.print(
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (mm::CacheCursor at; mm::KmemCache* cache = at.next();) {
        if (cache->root != cache) continue;  // its objects are counted there
        const mm::KmemCache::Stats stats = cache->stats();
        out.print("%-17s %6lu %6lu %6u %4u %4u : tunables    0    0    0", cache->name(),
                  stats.objects_in_use, stats.objects_total, stats.slot_size,
                  stats.objects_per_slab, 1u << stats.order);
        out.print(" : slabdata %6lu %6lu      0\n", stats.slabs, stats.slabs);
    }
    return {};
}

Result<void> show_vmallocinfo(SeqFile& out, void*) {
    mm::VmapInfo area{};
    for (VirtAddr from(0); mm::next_vmap_area(from, area); from = area.start + 1) {
        print_area(out, area);
    }
    return {};
}

}  // namespace procfs
