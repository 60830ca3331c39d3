// capget, capset. See: capabilities(7); what prctl(2) does with capabilities is in sys_prctl.cc.

#include "abi/prctl.h"
#include "process/credentials.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::Cred;

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
    if (!words.ok()) {  // who passes no room asks for the version
        return to.is_null() && words.error() == EINVAL ? Result<void>() : words.error();
    }
    if (header.pid < 0) return EINVAL;
    Cred found = sched::current().cred;
    if (header.pid != 0) {
        IrqGuard guard(sched::tasks_lock);
        const sched::Task* task = sched::find_task(header.pid);
        if (task == nullptr) return ESRCH;
        found = task->cred;
    }
    if (to.is_null()) return {};
    const u32 count = header.version == abi::kCapVersion1 ? 1 : 2;
    for (u32 i = 0; i < count; i++) {
        TRY((to + i).copy_out({u32(found.cap_effective >> 32 * i),
                               u32(found.cap_permitted >> 32 * i),
                               u32(found.cap_inheritable >> 32 * i)}));
    }
    return {};
}

/// Whether a task may go from the old sets to the new ones.
Result<void> check_capset(const Cred& old, const Cred& now) {
    const bool may_inherit_any = old.has(abi::CAP_SETPCAP);
    if (!may_inherit_any && (now.cap_inheritable & ~(old.cap_inheritable | old.cap_permitted))) {
        return EPERM;
    }
    if (now.cap_inheritable & ~(old.cap_inheritable | old.cap_bounding)) return EPERM;
    if (now.cap_permitted & ~old.cap_permitted) return EPERM;
    if (now.cap_effective & ~now.cap_permitted) return EPERM;
    return {};
}

Result<void> sys_capset(UserPtr<abi::CapHeader> header_at, UserPtr<const abi::CapData> from) {
    const abi::CapHeader header = TRY(header_at.copy_in());
    TRY(cap_words(header_at, header));
    const sched::Task& self = sched::current();
    if (header.pid != 0 && header.pid != self.pid) return EPERM;
    Cred now = self.cred;
    now.cap_effective = now.cap_permitted = now.cap_inheritable = 0;
    const u32 count = header.version == abi::kCapVersion1 ? 1 : 2;
    for (u32 i = 0; i < count; i++) {
        const abi::CapData data = TRY((from + i).copy_in());
        now.cap_effective |= u64{data.effective} << 32 * i & Cred::kAllCaps;
        now.cap_permitted |= u64{data.permitted} << 32 * i & Cred::kAllCaps;
        now.cap_inheritable |= u64{data.inheritable} << 32 * i & Cred::kAllCaps;
    }
    TRY(check_capset(self.cred, now));
    now.cap_ambient &= now.cap_permitted & now.cap_inheritable;
    return process::commit_creds(now);
}

constexpr Entry kCalls[] = {
    {125, "capget", call<sys_capget>},
    {126, "capset", call<sys_capset>},
};

}  // namespace

constinit const std::span<const Entry> kCapabilityCalls = kCalls;

}  // namespace syscall
