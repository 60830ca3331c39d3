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
    static constexpr u64 kAllCaps = (u64{1} << 41) - 1;  // up to CAP_CHECKPOINT_RESTORE
    u64 cap_effective = kAllCaps, cap_permitted = kAllCaps, cap_inheritable = 0;
    u64 cap_bounding = kAllCaps, cap_ambient = 0;
    u32 securebits = 0;  // SECBIT_*
    u32 group_count = 0;
    u32 groups[kMaxGroups] = {};

    bool is_root() const { return euid == 0; }
    /// CAP_*, abi/prctl.h.
    bool has(unsigned capability) const { return cap_effective >> capability & 1; }
    bool in_group(u32 group) const {
        if (group == fsgid) return true;
        for (u32 i = 0; i < group_count; i++) {
            if (groups[i] == group) return true;
        }
        return false;
    }
};

}  // namespace sched
