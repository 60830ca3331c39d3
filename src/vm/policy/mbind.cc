// mbind(): the policy of a range. Linux: do_mbind() in mm/mempolicy.c.

#include "mm/page_alloc/node.h"
#include "vm/policy/policy.h"

namespace vm {

namespace {

bool is_misplaced(Pte entry, u64 nodes) {
    return has_page(entry) && !(nodes >> mm::node_of(mm::page_of(entry.pfn())).id & 1);
}

/// The nodes on which a policy wants pages to be, a bit each.
u64 wanted_nodes(const mm::MemPolicy* policy) {
    if (!policy) return ~u64{0};
    return policy->nodes != 0 ? policy->nodes : u64{1} << mm::local_node().id;
}

/// How many pages of [start, end) in the area are not on one of `nodes`; or, having moved what can
/// be moved, are not yet.
u64 misplaced_pages(VmArea& area, VirtAddr start, VirtAddr end, u64 nodes, bool move) {
    MmStruct& mm = *area.mm;
    u64 count = 0;
    VirtAddr at = std::max(start, area.start);
    while (const LeafSpan span = next_leaf(mm, at, std::min(end, area.end), Huge::Peek)) {
        if (span.huge) {  // stays: to split it would cost more than the way to another node
            if (is_misplaced(read_pte(span.first), nodes)) count += span.count;
            at = span.end();
            continue;
        }
        for (usize i = 0; i < span.count; i++) {
            if (!is_misplaced(read_pte(&span.first[i]), nodes)) continue;
            if (!move || !migrate_page(area, span.at + i * kPageSize, &span.first[i])) count++;
        }
        at = span.end();
    }
    return count;
}

u64 misplaced_pages(MmStruct& mm, VirtAddr start, VirtAddr end, u64 nodes, bool move) {
    u64 count = 0;
    for (VmArea* area = mm.find_vma(start); area && area->start < end;
         area = mm.areas.next(*area)) {
        count += misplaced_pages(*area, start, end, nodes, move);
    }
    return count;
}

/// Areas of [start, end) get the policy, and are split and merged for it. ENOMEM: some have it.
Result<void> set_policies(MmStruct& mm, VirtAddr start, VirtAddr end,
                          const Ref<mm::MemPolicy>& policy) {
    VmArea* area = mm.find_vma(start);
    for (; area && area->start < end; area = mm.areas.next(*area)) {
        if (mm::same_policy(area->policy.get(), policy.get())) continue;
        if (area->start < start) area = TRY(split_area(*area, start));
        if (end < area->end) TRY(split_area(*area, end));
        area->policy = policy;
        area = &merge_area(*area);
    }
    return {};
}

}  // namespace

Result<void> set_area_policy(MmStruct& mm, VirtAddr at, u64 bytes, Ref<mm::MemPolicy> policy,
                             Misplaced misplaced) {
    const VirtAddr end = at + bytes;
    sched::WriteGuard guard(mm.mmap_lock);
    if (!is_range_covered(mm, at, end)) return EFAULT;
    const u64 nodes = wanted_nodes(policy.get());
    if (misplaced.strict && !misplaced.move) {
        if (misplaced_pages(mm, at, end, nodes, false) > 0) return EIO;
    }
    TRY(set_policies(mm, at, end, policy));
    if (!misplaced.move) return {};
    const u64 left = misplaced_pages(mm, at, end, nodes, true);
    return left > 0 && misplaced.strict ? Result<void>(EIO) : Result<void>();
}

}  // namespace vm
