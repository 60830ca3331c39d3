// See credentials.h.
#include "process/credentials.h"

#include "abi/prctl.h"
#include "sched/signal_struct.h"
#include "sched/user.h"

namespace process {
namespace {

using sched::Cred;

constexpr u64 kFileCaps = u64{1} << abi::CAP_CHOWN | u64{1} << abi::CAP_DAC_OVERRIDE |
                          u64{1} << abi::CAP_DAC_READ_SEARCH | u64{1} << abi::CAP_FOWNER |
                          u64{1} << abi::CAP_FSETID | u64{1} << abi::CAP_LINUX_IMMUTABLE |
                          u64{1} << abi::CAP_MKNOD | u64{1} << abi::CAP_MAC_OVERRIDE;

bool has_root_id(const Cred& cred) { return cred.uid == 0 || cred.euid == 0 || cred.suid == 0; }

/// The task is one of the new user's from now on.
Result<void> change_user(sched::Task& task, u32 uid) {
    Ref<sched::UserStruct> user = TRY(sched::find_user(uid));
    user->processes.fetch_add(1, std::memory_order_relaxed);
    task.user->processes.fetch_sub(1, std::memory_order_relaxed);
    const u64 limit = task.signal->rlimits[abi::RLIMIT_NPROC].current;
    if (has_too_many_processes(*user, limit)) {
        task.set(sched::kTooManyTasks);
    } else {
        task.clear(sched::kTooManyTasks);
    }
    Ref<sched::UserStruct> former;
    {
        // Who sends the task a signal counts it for the user, under this lock.
        IrqGuard guard(sched::tasks_lock);
        former = Ref<sched::UserStruct>::adopt(std::exchange(task.user, user.leak()));
    }
    return {};
}

}  // namespace

void adjust_capabilities(const Cred& old, Cred& now) {
    if (now.securebits & abi::SECBIT_NO_SETUID_FIXUP) return;
    if (has_root_id(old) && !has_root_id(now)) {
        if (!(now.securebits & abi::SECBIT_KEEP_CAPS)) now.cap_permitted = now.cap_effective = 0;
        now.cap_ambient = 0;
    }
    if (old.euid == 0 && now.euid != 0) now.cap_effective = 0;
    if (old.euid != 0 && now.euid == 0) now.cap_effective = now.cap_permitted;
}

void adjust_file_capabilities(const Cred& old, Cred& now) {
    if (now.securebits & abi::SECBIT_NO_SETUID_FIXUP) return;
    if (old.fsuid == 0 && now.fsuid != 0) now.cap_effective &= ~kFileCaps;
    if (old.fsuid != 0 && now.fsuid == 0) now.cap_effective |= now.cap_permitted & kFileCaps;
}

Result<void> commit_creds(const Cred& now) {
    sched::Task& task = sched::current();
    const Cred& old = task.cred;
    if (now.uid != old.uid) TRY(change_user(task, now.uid));
    const bool is_other = now.euid != old.euid || now.egid != old.egid || now.fsuid != old.fsuid ||
                          now.fsgid != old.fsgid;
    if (is_other || (now.cap_permitted & ~old.cap_permitted)) {
        task.signal->dumpable = 0;
        task.pdeath_signal = 0;
    }
    task.cred = now;
    return {};
}

}  // namespace process
