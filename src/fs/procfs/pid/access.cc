// See access.h.
#include "fs/procfs/pid/access.h"

#include "process/ptrace/ptrace.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

constexpr u8 kDumpableByUser = 1;

}  // namespace

bool may_look_into(const sched::Task& task) {
    return process::ptrace_may_access(task, process::Access::FileSystem).ok();
}

Result<void> check_look_into(const sched::Task& task, Errno why) {
    if (may_look_into(task)) return {};
    return why;
}

bool is_owned_by_root(const sched::Task& task) {
    return task.signal == nullptr || task.signal->dumpable != kDumpableByUser;
}

}  // namespace procfs
