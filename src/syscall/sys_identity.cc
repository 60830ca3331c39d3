// Users and groups. See: credentials(7).

#include "abi/prctl.h"
#include "process/credentials.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::capable;
using sched::Cred;

constexpr u32 kKeep = ~0u;  // -1: leave this one as it is

Cred& cred() { return sched::current().cred; }

/// The new ids become the task's, with what they do to its capabilities.
Result<void> commit_user(Cred& now) {
    process::adjust_capabilities(cred(), now);
    return process::commit_creds(now);
}

Result<void> sys_setuid(u32 uid) {
    if (uid == kKeep) return EINVAL;
    Cred now = cred();
    if (capable(abi::CAP_SETUID)) {
        now.uid = now.suid = uid;
    } else if (uid != now.uid && uid != now.suid) {
        return EPERM;
    }
    now.euid = now.fsuid = uid;
    return commit_user(now);
}

Result<void> sys_setreuid(u32 real, u32 effective) {
    Cred now = cred();
    if (!capable(abi::CAP_SETUID)) {
        if (real != kKeep && real != now.uid && real != now.euid) return EPERM;
        const bool known = effective == now.uid || effective == now.euid || effective == now.suid;
        if (effective != kKeep && !known) return EPERM;
    }
    const u32 old_uid = now.uid;
    if (real != kKeep) now.uid = real;
    if (effective != kKeep) now.euid = effective;
    if (real != kKeep || (effective != kKeep && effective != old_uid)) now.suid = now.euid;
    now.fsuid = now.euid;
    return commit_user(now);
}

Result<void> sys_setresuid(u32 real, u32 effective, u32 saved) {
    Cred now = cred();
    for (const u32 id : {real, effective, saved}) {
        const bool known = id == kKeep || id == now.uid || id == now.euid || id == now.suid;
        if (!known && !capable(abi::CAP_SETUID)) return EPERM;
    }
    if (real != kKeep) now.uid = real;
    if (effective != kKeep) now.euid = effective;
    if (saved != kKeep) now.suid = saved;
    now.fsuid = now.euid;
    return commit_user(now);
}

Result<void> sys_getresuid(UserPtr<u32> real, UserPtr<u32> effective, UserPtr<u32> saved) {
    TRY(real.copy_out(cred().uid));
    TRY(effective.copy_out(cred().euid));
    return saved.copy_out(cred().suid);
}

Result<void> sys_setgid(u32 gid) {
    if (gid == kKeep) return EINVAL;
    Cred now = cred();
    if (capable(abi::CAP_SETGID)) {
        now.gid = now.sgid = gid;
    } else if (gid != now.gid && gid != now.sgid) {
        return EPERM;
    }
    now.egid = now.fsgid = gid;
    return process::commit_creds(now);
}

Result<void> sys_setregid(u32 real, u32 effective) {
    Cred now = cred();
    if (!capable(abi::CAP_SETGID)) {
        if (real != kKeep && real != now.gid && real != now.egid) return EPERM;
        const bool known = effective == now.gid || effective == now.egid || effective == now.sgid;
        if (effective != kKeep && !known) return EPERM;
    }
    const u32 old_gid = now.gid;
    if (real != kKeep) now.gid = real;
    if (effective != kKeep) now.egid = effective;
    if (real != kKeep || (effective != kKeep && effective != old_gid)) now.sgid = now.egid;
    now.fsgid = now.egid;
    return process::commit_creds(now);
}

Result<void> sys_setresgid(u32 real, u32 effective, u32 saved) {
    Cred now = cred();
    for (const u32 id : {real, effective, saved}) {
        const bool known = id == kKeep || id == now.gid || id == now.egid || id == now.sgid;
        if (!known && !capable(abi::CAP_SETGID)) return EPERM;
    }
    if (real != kKeep) now.gid = real;
    if (effective != kKeep) now.egid = effective;
    if (saved != kKeep) now.sgid = saved;
    now.fsgid = now.egid;
    return process::commit_creds(now);
}

Result<void> sys_getresgid(UserPtr<u32> real, UserPtr<u32> effective, UserPtr<u32> saved) {
    TRY(real.copy_out(cred().gid));
    TRY(effective.copy_out(cred().egid));
    return saved.copy_out(cred().sgid);
}

/// Both return the old value, whether they changed it or not.
Result<u64> sys_setfsuid(u32 uid) {
    Cred now = cred();
    const u32 old = now.fsuid;
    const bool known = uid == now.uid || uid == now.euid || uid == now.suid || uid == old;
    if (uid == kKeep || uid == old || !(known || capable(abi::CAP_SETUID))) return u64{old};
    now.fsuid = uid;
    process::adjust_file_capabilities(cred(), now);
    (void)process::commit_creds(now);  // the real user stays, so this cannot fail
    return u64{old};
}
Result<u64> sys_setfsgid(u32 gid) {
    Cred now = cred();
    const u32 old = now.fsgid;
    const bool known = gid == now.gid || gid == now.egid || gid == now.sgid || gid == old;
    if (gid == kKeep || gid == old || !(known || capable(abi::CAP_SETGID))) return u64{old};
    now.fsgid = gid;
    (void)process::commit_creds(now);
    return u64{old};
}

Result<u64> sys_getuid() { return u64{cred().uid}; }
Result<u64> sys_geteuid() { return u64{cred().euid}; }
Result<u64> sys_getgid() { return u64{cred().gid}; }
Result<u64> sys_getegid() { return u64{cred().egid}; }

Result<u64> sys_getgroups(int size, UserPtr<u32> to) {
    const Cred& now = cred();
    if (size < 0) return EINVAL;
    if (size == 0) return u64{now.group_count};
    if (u32(size) < now.group_count) return EINVAL;
    TRY(copy_to_user(to.address(), now.groups, now.group_count * sizeof(u32)));
    return u64{now.group_count};
}

Result<void> sys_setgroups(u32 size, UserPtr<const u32> from) {
    if (!capable(abi::CAP_SETGID)) return EPERM;
    if (size > Cred::kMaxGroups) return EINVAL;
    u32 groups[Cred::kMaxGroups];
    TRY(copy_from_user(groups, from.address(), size * sizeof(u32)));
    Cred& now = cred();
    for (u32 i = 0; i < size; i++) now.groups[i] = groups[i];
    now.group_count = size;
    return {};
}

constexpr Entry kCalls[] = {
    {102, "getuid", call<sys_getuid>},       {104, "getgid", call<sys_getgid>},
    {105, "setuid", call<sys_setuid>},       {106, "setgid", call<sys_setgid>},
    {107, "geteuid", call<sys_geteuid>},     {108, "getegid", call<sys_getegid>},
    {113, "setreuid", call<sys_setreuid>},   {114, "setregid", call<sys_setregid>},
    {115, "getgroups", call<sys_getgroups>}, {116, "setgroups", call<sys_setgroups>},
    {117, "setresuid", call<sys_setresuid>}, {118, "getresuid", call<sys_getresuid>},
    {119, "setresgid", call<sys_setresgid>}, {120, "getresgid", call<sys_getresgid>},
    {122, "setfsuid", call<sys_setfsuid>},   {123, "setfsgid", call<sys_setfsgid>},
};

}  // namespace

constinit const std::span<const Entry> kIdentityCalls = kCalls;

}  // namespace syscall
