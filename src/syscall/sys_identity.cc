// Users, groups, capabilities. See: credentials(7), capabilities(7).

#include "abi/prctl.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::Cred;

constexpr u32 kKeep = ~0u;  // -1: leave this one as it is

Cred& cred() { return sched::current().cred; }
bool capable(unsigned capability) { return cred().cap_effective >> capability & 1; }

/// Losing user 0 loses its capabilities, unless they are kept. Linux: cap_emulate_setxuid().
void after_setuid(const Cred& old) {
    Cred& now = cred();
    const bool was_root = old.uid == 0 || old.euid == 0 || old.suid == 0;
    const bool is_root = now.uid == 0 || now.euid == 0 || now.suid == 0;
    if (was_root && !is_root && !sched::current().signal->keep_caps) now.cap_permitted = 0;
    if (old.euid == 0 && now.euid != 0) now.cap_effective = 0;
    if (old.euid != 0 && now.euid == 0) now.cap_effective = now.cap_permitted;
    now.cap_effective &= now.cap_permitted;
    if (old.euid != now.euid) sched::current().signal->dumpable = 0;
}

Result<void> sys_setuid(u32 uid) {
    if (uid == kKeep) return EINVAL;
    const Cred old = cred();
    Cred& now = cred();
    if (capable(abi::CAP_SETUID)) {
        now.uid = now.suid = uid;
    } else if (uid != old.uid && uid != old.suid) {
        return EPERM;
    }
    now.euid = now.fsuid = uid;
    after_setuid(old);
    return {};
}

Result<void> sys_setreuid(u32 real, u32 effective) {
    const Cred old = cred();
    if (!capable(abi::CAP_SETUID)) {
        if (real != kKeep && real != old.uid && real != old.euid) return EPERM;
        const bool known = effective == old.uid || effective == old.euid || effective == old.suid;
        if (effective != kKeep && !known) return EPERM;
    }
    Cred& now = cred();
    if (real != kKeep) now.uid = real;
    if (effective != kKeep) now.euid = effective;
    if (real != kKeep || (effective != kKeep && effective != old.uid)) now.suid = now.euid;
    now.fsuid = now.euid;
    after_setuid(old);
    return {};
}

Result<void> sys_setresuid(u32 real, u32 effective, u32 saved) {
    const Cred old = cred();
    for (const u32 id : {real, effective, saved}) {
        const bool known = id == kKeep || id == old.uid || id == old.euid || id == old.suid;
        if (!known && !capable(abi::CAP_SETUID)) return EPERM;
    }
    Cred& now = cred();
    if (real != kKeep) now.uid = real;
    if (effective != kKeep) now.euid = effective;
    if (saved != kKeep) now.suid = saved;
    now.fsuid = now.euid;
    after_setuid(old);
    return {};
}

Result<void> sys_getresuid(UserPtr<u32> real, UserPtr<u32> effective, UserPtr<u32> saved) {
    TRY(real.copy_out(cred().uid));
    TRY(effective.copy_out(cred().euid));
    return saved.copy_out(cred().suid);
}

Result<void> sys_setgid(u32 gid) {
    if (gid == kKeep) return EINVAL;
    Cred& now = cred();
    if (capable(abi::CAP_SETGID)) {
        now.gid = now.sgid = gid;
    } else if (gid != now.gid && gid != now.sgid) {
        return EPERM;
    }
    now.egid = now.fsgid = gid;
    return {};
}

Result<void> sys_setregid(u32 real, u32 effective) {
    Cred& now = cred();
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
    return {};
}

Result<void> sys_setresgid(u32 real, u32 effective, u32 saved) {
    Cred& now = cred();
    for (const u32 id : {real, effective, saved}) {
        const bool known = id == kKeep || id == now.gid || id == now.egid || id == now.sgid;
        if (!known && !capable(abi::CAP_SETGID)) return EPERM;
    }
    if (real != kKeep) now.gid = real;
    if (effective != kKeep) now.egid = effective;
    if (saved != kKeep) now.sgid = saved;
    now.fsgid = now.egid;
    return {};
}

Result<void> sys_getresgid(UserPtr<u32> real, UserPtr<u32> effective, UserPtr<u32> saved) {
    TRY(real.copy_out(cred().gid));
    TRY(effective.copy_out(cred().egid));
    return saved.copy_out(cred().sgid);
}

/// Both return the old value, whether they changed it or not.
Result<u64> sys_setfsuid(u32 uid) {
    Cred& now = cred();
    const u32 old = now.fsuid;
    const bool known = uid == now.uid || uid == now.euid || uid == now.suid || uid == old;
    if (uid != kKeep && (known || capable(abi::CAP_SETUID))) now.fsuid = uid;
    return u64{old};
}
Result<u64> sys_setfsgid(u32 gid) {
    Cred& now = cred();
    const u32 old = now.fsgid;
    const bool known = gid == now.gid || gid == now.egid || gid == now.sgid || gid == old;
    if (gid != kKeep && (known || capable(abi::CAP_SETGID))) now.fsgid = gid;
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

// --- capabilities --------------------------------------------------------------------------------

/// The number of CapData that go with a version; 0: unknown, and ours is told.
Result<u32> cap_words(UserPtr<abi::CapHeader> header_at, const abi::CapHeader& header) {
    if (header.version == abi::kCapVersion1) return 1u;
    if (header.version == abi::kCapVersion2 || header.version == abi::kCapVersion3) return 2u;
    TRY(header_at.copy_out({abi::kCapVersion3, header.pid}));
    return EINVAL;
}

Result<void> sys_capget(UserPtr<abi::CapHeader> header_at, UserPtr<abi::CapData> to) {
    const abi::CapHeader header = TRY(header_at.copy_in());
    const Result<u32> words = cap_words(header_at, header);
    if (to.is_null()) return {};
    if (!words.ok()) return words.error();
    if (header.pid < 0) return EINVAL;
    Cred found = cred();
    if (header.pid != 0) {
        IrqGuard guard(sched::tasks_lock);
        const sched::Task* task = sched::find_task(header.pid);
        if (task == nullptr) return ESRCH;
        found = task->cred;
    }
    const u32 count = header.version == abi::kCapVersion1 ? 1 : 2;
    for (u32 i = 0; i < count; i++) {
        TRY((to + i).copy_out({u32(found.cap_effective >> 32 * i),
                               u32(found.cap_permitted >> 32 * i),
                               u32(found.cap_inheritable >> 32 * i)}));
    }
    return {};
}

Result<void> sys_capset(UserPtr<abi::CapHeader> header_at, UserPtr<const abi::CapData> from) {
    const abi::CapHeader header = TRY(header_at.copy_in());
    TRY(cap_words(header_at, header));
    if (header.pid != 0 && header.pid != sched::current().pid) return EPERM;
    u64 effective = 0, permitted = 0, inheritable = 0;
    const u32 count = header.version == abi::kCapVersion1 ? 1 : 2;
    for (u32 i = 0; i < count; i++) {
        const abi::CapData data = TRY((from + i).copy_in());
        effective |= u64{data.effective} << 32 * i;
        permitted |= u64{data.permitted} << 32 * i;
        inheritable |= u64{data.inheritable} << 32 * i;
    }
    Cred& now = cred();
    if ((permitted & ~now.cap_permitted) || (effective & ~permitted)) return EPERM;
    if (inheritable & ~(now.cap_inheritable | now.cap_permitted)) return EPERM;
    now.cap_effective = effective;
    now.cap_permitted = permitted;
    now.cap_inheritable = inheritable;
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
    {125, "capget", call<sys_capget>},       {126, "capset", call<sys_capset>},
};

}  // namespace

constinit const std::span<const Entry> kIdentityCalls = kCalls;

}  // namespace syscall
