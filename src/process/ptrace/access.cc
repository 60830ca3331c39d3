// Who may look into whom. Linux: __ptrace_may_access().
// See: ptrace(2), "Ptrace access mode checking".

#include "abi/prctl.h"
#include "process/ptrace/ptrace.h"

namespace process {

namespace {

constexpr u8 kDumpable = 1;

bool is_same_user(const sched::Cred& mine, const sched::Cred& theirs, Access as) {
    const u32 uid = as == Access::FileSystem ? mine.fsuid : mine.uid;
    const u32 gid = as == Access::FileSystem ? mine.fsgid : mine.gid;
    return uid == theirs.uid && uid == theirs.euid && uid == theirs.suid && gid == theirs.gid &&
           gid == theirs.egid && gid == theirs.sgid;
}

}  // namespace

Result<void> ptrace_may_access(const Task& task, Access as) {
    const Task& self = sched::current();
    if (task.signal == self.signal) return {};
    const sched::Cred &mine = self.cred, &theirs = task.cred;
    if (mine.has(abi::CAP_SYS_PTRACE)) return {};
    const u64 powers = as == Access::FileSystem ? mine.cap_effective : mine.cap_permitted;
    const bool stronger = theirs.cap_permitted & ~powers;
    const bool dumpable = task.signal != nullptr && task.signal->dumpable == kDumpable;
    if (!is_same_user(mine, theirs, as) || !dumpable || stronger) return EPERM;
    return {};
}

bool ptrace_forbids_rights(const Task& task) {
    return is_traced(task) && !task.tracer->cred.has(abi::CAP_SYS_PTRACE);
}

}  // namespace process
