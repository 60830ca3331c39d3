// What a memory policy says to an allocation. Linux: alloc_pages() in mm/mempolicy.c.

#include "core/percpu/preempt.h"
#include "mm/page_alloc/internal.h"

namespace mm {

namespace {

/// Whether a node of `nodes` has memory that will do: only some have what a device can reach.
bool have_suitable_zone(u64 nodes, Gfp gfp) {
    const ZoneIndex highest = AllocContext::highest_zone(gfp);
    for (Zone** at = local_node().zonelist[highest]; *at != nullptr; at++) {
        if (nodes >> (*at)->node->id & 1) return true;
    }
    return false;
}

unsigned interleave_node(TaskPolicy& policy) {
    if (policy.now != policy.own.get()) {
        const u64 nodes = policy.now->nodes;
        const auto count = static_cast<unsigned>(__builtin_popcountll(nodes));
        return nth_node(nodes, static_cast<unsigned>(policy.place % count));
    }
    const unsigned node = next_interleave_node(policy);
    policy.last_node = static_cast<u8>(node);
    return node;
}

}  // namespace

PolicyChoice choose_by_policy(Gfp gfp) {
    TaskPolicy* const policy = arch::this_cpu_read(policy_in_force);
    PolicyChoice choice{.near = &local_node()};
    if (policy == nullptr || !in_task() || has(gfp, Gfp::ThisNode)) return choice;
    const MemPolicy& now = *policy->now;
    if (now.mode == PolicyMode::Local || !have_suitable_zone(now.nodes, gfp)) return choice;
    switch (now.mode) {
    case PolicyMode::Preferred: choice.near = node_data[nth_node(now.nodes, 0)]; break;
    case PolicyMode::Interleave:
        choice.near = node_data[interleave_node(*policy)];
        choice.interleaves = true;
        break;
    case PolicyMode::PreferredMany: choice.first = now.nodes; break;
    default: choice.only = now.nodes == nodes_with_memory() ? kAllNodes : now.nodes;
    }
    return choice;
}

}  // namespace mm
