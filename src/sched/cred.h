/// Who a task is, for permission checks. Linux: include/linux/cred.h.
#pragma once

#include "lib/types.h"

namespace sched {

/// A task's identity and rights. Only the task itself changes its own, so it reads them without a
/// lock; others may see a mixture for a moment, which every check tolerates.
struct Cred {
    static constexpr unsigned kMaxGroups = 32;

    u32 uid = 0, euid = 0, suid = 0, fsuid = 0;
    u32 gid = 0, egid = 0, sgid = 0, fsgid = 0;
    u64 cap_effective = ~0ull, cap_permitted = ~0ull, cap_inheritable = 0;
    u64 cap_bounding = ~0ull;
    u32 group_count = 0;
    u32 groups[kMaxGroups] = {};

    bool is_root() const { return euid == 0; }
    bool in_group(u32 group) const {
        if (group == fsgid) return true;
        for (u32 i = 0; i < group_count; i++) {
            if (groups[i] == group) return true;
        }
        return false;
    }
};

}  // namespace sched
