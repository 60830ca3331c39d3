// System calls on memory policies: set_mempolicy(2), get_mempolicy(2), mbind(2).

#include "abi/mempolicy.h"
#include "abi/prctl.h"
#include "arch/layout.h"
#include "core/user/user_ptr.h"
#include "mm/page_alloc/node.h"
#include "sched/task.h"
#include "syscall/table.h"
#include "vm/huge/huge.h"
#include "vm/policy/policy.h"

namespace syscall {

namespace {

using mm::MemPolicy;
using mm::PolicyMode;

static_assert(abi::MPOL_PREFERRED == u32(PolicyMode::Preferred) &&
              abi::MPOL_BIND == u32(PolicyMode::Bind) &&
              abi::MPOL_INTERLEAVE == u32(PolicyMode::Interleave) &&
              abi::MPOL_LOCAL == u32(PolicyMode::Local) &&
              abi::MPOL_PREFERRED_MANY == u32(PolicyMode::PreferredMany));

/// The set of nodes at `mask`, `maxnode` - 1 bits long. What lies beyond the first 64 must be
/// clear. EINVAL, EFAULT.
Result<u64> nodes_from_user(VirtAddr mask, u64 maxnode) {
    constexpr u64 kMostBits = kPageSize * 8;
    const u64 bits = maxnode - 1;
    if (bits == 0 || mask.raw() == 0) return u64{0};
    if (bits > kMostBits) return EINVAL;
    u64 nodes = 0;
    for (u64 first = 0; first < bits; first += 64) {
        u64 word;
        TRY(copy_from_user(&word, mask + first / 8, sizeof word));
        if (bits - first < 64) word &= (u64{1} << (bits - first)) - 1;
        if (first == 0) {
            nodes = word;
        } else if (word != 0) {
            return EINVAL;
        }
    }
    return nodes;
}

/// The opposite. EINVAL, EFAULT.
Result<void> nodes_to_user(VirtAddr mask, u64 maxnode, u64 nodes) {
    const u64 bytes = align_up(maxnode - 1, u64{64}) / 8;
    if (bytes > kPageSize) return EINVAL;
    if (bytes > sizeof nodes) TRY(clear_user(mask + sizeof nodes, bytes - sizeof nodes));
    return copy_to_user(mask, &nodes, std::min<u64>(bytes, sizeof nodes));
}

/// EINVAL, EFAULT, ENOMEM.
Result<Ref<MemPolicy>> policy_from_user(u32 mode_and_flags, VirtAddr mask, u64 maxnode) {
    const u32 flags = mode_and_flags & abi::MPOL_MODE_FLAGS;
    const u32 mode = mode_and_flags & ~abi::MPOL_MODE_FLAGS;
    constexpr u32 kOneOf = abi::MPOL_F_STATIC_NODES | abi::MPOL_F_RELATIVE_NODES;
    if (mode >= abi::MPOL_MAX || (flags & kOneOf) == kOneOf) return EINVAL;
    if ((flags & abi::MPOL_F_NUMA_BALANCING) && mode != abi::MPOL_BIND) return EINVAL;
    const u64 nodes = TRY(nodes_from_user(mask, maxnode));
    return mm::make_policy(static_cast<PolicyMode>(mode), flags, nodes);
}

Result<void> sys_set_mempolicy(u32 mode, VirtAddr mask, u64 maxnode) {
    mm::set_task_policy(sched::current().mempolicy, TRY(policy_from_user(mode, mask, maxnode)));
    return {};
}

Result<void> sys_mbind(VirtAddr at, u64 bytes, u32 mode, VirtAddr mask, u64 maxnode, u32 flags) {
    constexpr u32 kKnown = abi::MPOL_MF_STRICT | abi::MPOL_MF_MOVE | abi::MPOL_MF_MOVE_ALL;
    Ref<MemPolicy> policy = TRY(policy_from_user(mode, mask, maxnode));
    if (flags & ~kKnown) return EINVAL;
    if ((flags & abi::MPOL_MF_MOVE_ALL) && !sched::capable(abi::CAP_SYS_NICE)) return EPERM;
    if (!is_aligned(at.raw(), kPageSize)) return EINVAL;
    const u64 whole = align_up(bytes, kPageSize);
    if (at.raw() + whole < at.raw()) return EINVAL;
    if (whole == 0) return {};
    if (!arch::is_user_range(at, whole)) return EFAULT;
    const vm::Misplaced misplaced{
        .move = (flags & (abi::MPOL_MF_MOVE | abi::MPOL_MF_MOVE_ALL)) != 0,
        .strict = (flags & abi::MPOL_MF_STRICT) && policy};
    return vm::set_area_policy(*sched::current().mm, at, whole, std::move(policy), misplaced);
}

/// The node of the page at `at`, which is brought in first. EFAULT.
Result<u32> node_at(vm::MmStruct& mm, VirtAddr at) {
    for (;;) {
        u8 byte;
        TRY(copy_from_user(&byte, at, 1));
        sched::ReadGuard guard(mm.mmap_lock);
        const vm::VmArea* area = mm.find_vma(at);
        if (!area || (area->flags & vm::kVmPfnMap)) return EFAULT;  // of no node
        IrqGuard entries(mm.page_table_lock);
        const arch::Pte entry = vm::user_entry(mm, page_down(at));
        if (entry.present()) return mm::node_of(mm::page_of(entry.pfn())).id;
    }
}

/// The policy of the area at `at`, if it has one. EFAULT: there is no area.
Result<Ref<MemPolicy>> policy_at(vm::MmStruct& mm, VirtAddr at) {
    sched::ReadGuard guard(mm.mmap_lock);
    const vm::VmArea* area = mm.find_vma(at);
    if (!area || at < area->start) return EFAULT;
    return area->policy;
}

struct Answer {
    u32 mode = abi::MPOL_DEFAULT;  // or a node
    u64 nodes = 0;
};

void describe(const MemPolicy& policy, Answer& answer) {
    constexpr u32 kAsGiven = abi::MPOL_F_STATIC_NODES | abi::MPOL_F_RELATIVE_NODES;
    answer.mode = u32(policy.mode) | policy.flags;
    answer.nodes = policy.flags & kAsGiven ? policy.user_nodes : policy.nodes;
}

Result<Answer> ask(VirtAddr at, u64 flags) {
    constexpr u64 kKnown = abi::MPOL_F_NODE | abi::MPOL_F_ADDR | abi::MPOL_F_MEMS_ALLOWED;
    if (flags & ~kKnown) return EINVAL;
    if (flags & abi::MPOL_F_MEMS_ALLOWED) {
        if (flags != abi::MPOL_F_MEMS_ALLOWED) return EINVAL;
        return Answer{.nodes = mm::nodes_with_memory()};
    }
    sched::Task& task = sched::current();
    const bool by_address = flags & abi::MPOL_F_ADDR;
    if (!by_address && at.raw() != 0) return EINVAL;
    const Ref<MemPolicy> policy = by_address ? TRY(policy_at(*task.mm, at)) : task.mempolicy.own;
    Answer answer;
    if (policy) describe(*policy, answer);
    if (!(flags & abi::MPOL_F_NODE)) return answer;
    if (by_address) {
        answer.mode = TRY(node_at(*task.mm, at));
    } else {
        if (!policy || policy->mode != PolicyMode::Interleave) return EINVAL;
        answer.mode = mm::next_interleave_node(task.mempolicy);
    }
    return answer;
}

Result<void> sys_get_mempolicy(UserPtr<u32> mode, VirtAddr mask, u64 maxnode, VirtAddr at,
                               u64 flags) {
    if (mask.raw() != 0 && maxnode < mm::nr_nodes) return EINVAL;
    const Answer answer = TRY(ask(at, flags));
    if (!mode.is_null()) TRY(mode.copy_out(answer.mode));
    if (mask.raw() != 0) TRY(nodes_to_user(mask, maxnode, answer.nodes));
    return {};
}

constexpr Entry kCalls[] = {
    {237, "mbind", call<sys_mbind>},
    {238, "set_mempolicy", call<sys_set_mempolicy>},
    {239, "get_mempolicy", call<sys_get_mempolicy>},
};

}  // namespace

constinit const std::span<const Entry> kMempolicyCalls = kCalls;

}  // namespace syscall
