// numa_maps: which policy each area follows, and how many of its pages each node has.
// Linux: show_numa_map() in fs/proc/task_mmu.c; numa(7).
#include "abi/mempolicy.h"
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid/entries.h"
#include "fs/procfs/pid_entry.h"
#include "mm/page_alloc/node.h"
#include "mm/slab.h"
#include "vm/huge/huge.h"

namespace procfs {
namespace {

struct Counts {
    u64 pages = 0, anon = 0, dirty = 0, active = 0, swap_cache = 0, most_mappers = 0;
    u64 of_node[mm::kMaxNodes] = {};

    void add(vm::Pte entry) {
        const mm::Page& page = mm::page_of(entry.pfn());
        pages++;
        anon += page.has(mm::kPageAnon);
        dirty += entry.dirty() || page.has(mm::kPageDirty);
        active += page.has(mm::kPageActive);
        swap_cache += page.has(mm::kPageSwapCache);
        most_mappers = std::max<u64>(most_mappers, vm::mappers_of(page));
        of_node[mm::node_of(page).id]++;
    }
};

/// mmap_lock is held.
Counts count_area(vm::MmStruct& mm, const vm::VmArea& area) {
    Counts counts;
    for_each_entry(mm, area, [&](vm::Pte entry, bool) {
        if (vm::has_page(entry) && !vm::is_swap(entry)) counts.add(entry);
    });
    return counts;
}

void print_policy(SeqFile& out, const mm::MemPolicy* policy) {
    if (!policy) return out.write("default");
    static constexpr const char* kNames[] = {"default",    "prefer", "bind",
                                             "interleave", "local",  "prefer (many)"};
    out.write(kNames[static_cast<u8>(policy->mode)]);
    if (policy->flags & abi::MPOL_F_STATIC_NODES) out.write("=static");
    if (policy->flags & abi::MPOL_F_RELATIVE_NODES) out.write("=relative");
    if (policy->nodes == 0) return;
    out.write(":");
    out.write_ranges(policy->nodes);
}

void print_what(SeqFile& out, const vm::VmArea& area, std::span<char> room) {
    if (area.file) {
        u32 device;
        u64 inode;
        const usize length = area.file->describe(room, device, inode);
        out.write(" file=");
        out.write_escaped({room.data(), length}, "\n\t= ");
    } else if (area.flags & vm::kVmHeap) {
        out.write(" heap");
    } else if (area.flags & vm::kVmStack) {
        out.write(" stack");
    }
}

/// Linux leaves out what would be 0, or the same as another.
void print_counts(SeqFile& out, const Counts& counts) {
    const u64 pages = counts.pages;
    if (counts.anon) out.print(" anon=%lu", counts.anon);
    if (counts.dirty) out.print(" dirty=%lu", counts.dirty);
    if (pages != counts.anon && pages != counts.dirty) out.print(" mapped=%lu", pages);
    if (counts.most_mappers > 1) out.print(" mapmax=%lu", counts.most_mappers);
    if (counts.swap_cache) out.print(" swapcache=%lu", counts.swap_cache);
    if (counts.active < pages) out.print(" active=%lu", counts.active);
    for (unsigned node = 0; node < mm::nr_nodes; node++) {
        if (counts.of_node[node]) out.print(" N%u=%lu", node, counts.of_node[node]);
    }
    out.print(" kernelpagesize_kB=%lu", kPageSize >> 10);
}

}  // namespace

Result<void> show_numa_maps(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    const Ref<mm::MemPolicy> own = mm::get_task_policy(task.mempolicy);
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    {
        sched::ReadGuard guard(mm->mmap_lock);
        for (const vm::VmArea& area : mm->areas) {
            out.print("%08lx ", area.start);
            print_policy(out, area.policy ? area.policy.get() : own.get());
            print_what(out, area, {room, kPageSize});
            const Counts counts = count_area(*mm, area);
            if (counts.pages > 0) print_counts(out, counts);
            out.write("\n");
        }
    }
    mm::kfree(room);
    return {};
}

}  // namespace procfs
