// Memory policies: making them, and who follows which. What they say to an allocation:
// alloc.cc. Linux: mm/mempolicy.c.

#include "mm/mempolicy.h"

#include "abi/mempolicy.h"
#include "core/lock/spin_lock.h"
#include "core/percpu/percpu.h"
#include "mm/own.h"
#include "mm/page_alloc/internal.h"

namespace mm {

PER_CPU TaskPolicy* policy_in_force = nullptr;

namespace {

/// Who looks at another task's policy keeps it from being replaced meanwhile.
constinit SpinLock own_lock{"mempolicy", LockRank::MmList};

/// Bit n of `relative` is the n-th of `nodes`, counted in a circle.
u64 fold_onto(u64 relative, u64 nodes) {
    u64 result = 0;
    const unsigned count = static_cast<unsigned>(__builtin_popcountll(nodes));
    for (unsigned bit = 0; bit < 64; bit++) {
        if (relative >> bit & 1) result |= u64{1} << nth_node(nodes, bit % count);
    }
    return result;
}

/// What the mode makes of `wanted`, which is not empty. Empty: nothing.
u64 usable_nodes(PolicyMode mode, u32 flags, u64 wanted) {
    const u64 there = nodes_with_memory();
    const u64 nodes =
        flags & abi::MPOL_F_RELATIVE_NODES ? fold_onto(wanted, there) : wanted & there;
    return mode == PolicyMode::Preferred ? nodes & -nodes : nodes;
}

void change(TaskPolicy& policy, const MemPolicy* now, u64 place) {
    IrqOffGuard guard;
    policy.now = now;
    policy.place = place;
    follow_policy(policy);
}

}  // namespace

unsigned nth_node(u64 nodes, unsigned n) {
    while (n-- > 0) nodes &= nodes - 1;
    return static_cast<unsigned>(__builtin_ctzll(nodes));
}

u64 nodes_with_memory() {
    u64 nodes = 0;
    for_each_node([&](const Node& node) { nodes |= u64{node.present > 0} << node.id; });
    return nodes;
}

void MemPolicy::release(MemPolicy* policy) { destroy(policy); }

Result<Ref<MemPolicy>> make_policy(PolicyMode mode, u32 flags, u64 nodes) {
    const bool is_special = flags & (abi::MPOL_F_STATIC_NODES | abi::MPOL_F_RELATIVE_NODES);
    if (mode == PolicyMode::Default) {
        if (nodes != 0) return EINVAL;
        return Ref<MemPolicy>();
    }
    if (mode == PolicyMode::Local && (nodes != 0 || is_special)) return EINVAL;
    if (mode == PolicyMode::Preferred && nodes == 0) {
        if (is_special) return EINVAL;
        mode = PolicyMode::Local;
    }
    u64 usable = 0;
    if (mode != PolicyMode::Local) {
        if (nodes == 0) return EINVAL;
        usable = usable_nodes(mode, flags, nodes);
        if (usable == 0) return EINVAL;
    }
    Own<MemPolicy> policy = TRY(make<MemPolicy>());
    policy->mode = mode;
    policy->flags = flags;
    policy->nodes = usable;
    policy->user_nodes = nodes;
    return Ref<MemPolicy>::adopt(policy.leak());
}

void follow_policy(TaskPolicy& policy) {
    arch::this_cpu_write(policy_in_force, policy.now ? &policy : nullptr);
    set_first_pagesets(cpu_id());
}

void set_task_policy(TaskPolicy& policy, Ref<MemPolicy> own) {
    IrqGuard guard(own_lock);
    std::swap(policy.own, own);
    change(policy, policy.own.get(), 0);
}

Ref<MemPolicy> get_task_policy(const TaskPolicy& policy) {
    IrqGuard guard(own_lock);
    return policy.own;
}

unsigned next_interleave_node(const TaskPolicy& policy) {
    const u64 nodes = policy.own->nodes;
    const u64 behind = nodes & ~u64{1} << policy.last_node;
    return static_cast<unsigned>(__builtin_ctzll(behind ? behind : nodes));
}

PolicyScope::PolicyScope(TaskPolicy& task, const MemPolicy& policy, u64 place)
    : task_(task), before_(task.now), place_before_(task.place) {
    change(task, &policy, place);
}

PolicyScope::~PolicyScope() { change(task_, before_, place_before_); }

}  // namespace mm
