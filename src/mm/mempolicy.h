/// Memory policies: from which nodes a task's pages come, or those of one area of its memory.
/// Linux' struct mempolicy; set_mempolicy(2), numa(7).
///
/// Whoever asks for a page need not know of them: while a task with a policy runs, the allocator
/// finds its processor's lists empty (page_alloc.cc), and what it does then asks the policy. So
/// they cost nothing where there are none. Interrupts follow no policy.
#pragma once

#include "lib/ref.h"
#include "lib/result.h"

namespace mm {

enum class PolicyMode : u8 { Default, Preferred, Bind, Interleave, Local, PreferredMany };

/// One policy. It never changes: another takes its place.
struct MemPolicy {
    PolicyMode mode = PolicyMode::Local;  // never Default: that is no policy
    u32 flags = 0;                        // MPOL_F_*, as the program gave them
    u64 nodes = 0;                        // a bit each, all with memory; none: Local
    u64 user_nodes = 0;                   // as the program gave them
    RefCount ref_count;

    static void release(MemPolicy* policy);
    bool operator==(const MemPolicy& other) const {
        return mode == other.mode && flags == other.flags && nodes == other.nodes &&
               user_nodes == other.user_nodes;
    }
};

/// The nodes that have memory, a bit each.
u64 nodes_with_memory();

/// The policy that a program describes; null for Default. EINVAL: these nodes do not go with the
/// mode, or have no memory; ENOMEM.
Result<Ref<MemPolicy>> make_policy(PolicyMode mode, u32 flags, u64 nodes);

/// Whether both say the same; null: there is none.
inline bool same_policy(const MemPolicy* a, const MemPolicy* b) {
    return a == b || (a && b && *a == *b);
}

/// A task's part. Only the task itself changes it, with interrupts off.
struct TaskPolicy {
    Ref<MemPolicy> own;
    const MemPolicy* now = nullptr;  // `own`; or, during a fault, that of an area. Null: none
    u64 place = 0;                   // then: which page of the area it is
    u8 last_node = 0;                // where the last page of an interleaving `own` came from
};

/// This processor runs the task with that part from now on. Interrupts are off.
void follow_policy(TaskPolicy& policy);

/// Sets the running task's own policy, or takes it away (null). `policy` is that task's part.
void set_task_policy(TaskPolicy& policy, Ref<MemPolicy> own);
/// The own policy of any task that does not go away meanwhile; null: none.
Ref<MemPolicy> get_task_policy(const TaskPolicy& policy);

/// The node from which the next page of an interleaving task comes.
unsigned next_interleave_node(const TaskPolicy& policy);

/// While it lives, the allocations of the running task follow `policy`. For page `place` of its
/// area.
class PolicyScope {
public:
    PolicyScope(TaskPolicy& task, const MemPolicy& policy, u64 place);
    ~PolicyScope();
    PolicyScope(const PolicyScope&) = delete;

private:
    TaskPolicy& task_;
    const MemPolicy* const before_;
    const u64 place_before_;
};

}  // namespace mm
