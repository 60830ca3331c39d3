// See access.h.
#include "fs/procfs/pid/access.h"

#include "sched/signal_struct.h"

namespace procfs {
namespace {

constexpr u64 kCapSysPtrace = u64{1} << 19;
constexpr u8 kDumpableByUser = 1;

bool is_same_user(const sched::Cred& mine, const sched::Cred& theirs) {
    return mine.fsuid == theirs.uid && mine.fsuid == theirs.euid && mine.fsuid == theirs.suid &&
           mine.fsgid == theirs.gid && mine.fsgid == theirs.egid && mine.fsgid == theirs.sgid;
}

}  // namespace

bool may_look_into(const sched::Task& task) {
    const sched::Task& self = sched::current();
    if (task.tgid == self.tgid) return true;
    if (self.cred.cap_effective & kCapSysPtrace) return true;
    if (!is_same_user(self.cred, task.cred)) return false;
    if (task.signal != nullptr && task.signal->dumpable != kDumpableByUser) return false;
    return (task.cred.cap_permitted & ~self.cred.cap_effective) == 0;
}

Result<void> check_look_into(const sched::Task& task, Errno why) {
    if (may_look_into(task)) return {};
    return why;
}

bool is_owned_by_root(const sched::Task& task) {
    return task.signal == nullptr || task.signal->dumpable != kDumpableByUser;
}

}  // namespace procfs
