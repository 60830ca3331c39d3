// /proc/<pid>/timers and timerslack_ns.
#include "abi/prctl.h"
#include "fs/procfs/pid_entry.h"
#include "lib/parse.h"
#include "process/timer/posix_timer.h"

namespace procfs {
namespace {

struct Listing {
    SeqFile& out;
    sched::PidNumber process;
};

const char* name_of_notification(i32 notify) {
    switch (notify & ~abi::SIGEV_THREAD_ID) {
    case abi::SIGEV_SIGNAL: return "signal";
    case abi::SIGEV_NONE: return "none";
    default: return "thread";
    }
}

void show_timer(const process::PosixTimer& timer, void* context) {
    const Listing& listing = *static_cast<Listing*>(context);
    const abi::SigInfo& info = timer.queued.info;
    const bool to_thread = timer.thread != 0;
    listing.out.print("ID: %d\nsignal: %d/%016lx\nnotify: %s/%s.%d\nClockID: %d\n", timer.id,
                      info.signo, info.value(), name_of_notification(timer.notify),
                      to_thread ? "tid" : "pid", to_thread ? timer.thread : listing.process,
                      timer.clock_id);
}

/// A thread may look at and change its own slack, and with CAP_SYS_NICE that of others.
Result<void> check_slack_permission(const Task& task) {
    const Task& self = sched::current();
    if (&task == &self || self.cred.has(abi::CAP_SYS_NICE)) return {};
    return EPERM;
}

}  // namespace

Result<void> show_timers(SeqFile& out, Task& task) {
    if (task.signal == nullptr) return ESRCH;
    Listing listing{out, task.tgid};
    process::for_each_posix_timer(*task.signal, show_timer, &listing);
    return {};
}

Result<void> show_timerslack_ns(SeqFile& out, Task& task) {
    TRY(check_slack_permission(task));
    out.print("%lu\n", task.timer_slack_ns);
    return {};
}

Result<void> store_timerslack_ns(std::string_view text, Task& task) {
    TRY(check_slack_permission(task));
    const u64 wanted = TRY(parse_unsigned(libfs::trim(text)));
    task.timer_slack_ns = wanted != 0 ? wanted : task.default_timer_slack_ns;
    return {};
}

}  // namespace procfs
