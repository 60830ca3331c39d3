// The way of a dump: stop everybody, write, let them go.
//
// Other threads are killed at once, but on their way out they wait until the file is written, with
// their registers still on their kernel stacks. Whoever was ending already before the dump began is
// not in it.

#include "process/coredump/coredump_internal.h"

#include "abi/fcntl.h"
#include "abi/wait.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "mm/own.h"
#include "process/process.h"

namespace process {

using sched::CoreState;

namespace {

struct CoreNameRoom {
    char bytes[1024];
};

/// Marks the process as ending and wakes its other threads. False: it is ending for another reason.
bool begin_dump(Task& task, CoreState& core, int number) {
    IrqGuard guard(tasks_lock);
    SignalStruct& signal = *task.signal;
    IrqGuard sighand_guard(task.sighand->lock);
    if (signal.group_exit || signal.exec_task) return false;
    signal.group_exit = true;
    signal.group_exit_code = number;
    signal.stop_signal = 0;
    signal.stop_count = 0;
    signal.core = &core;
    for_each_thread(signal, [&](Task& thread) {
        thread.clear(sched::kNotifyResume);
        if (&thread == &task || thread.has(sched::kExiting)) return;
        core.missing++;
        thread.pending->set |= sig_bit(abi::SIGKILL);
        signal_wake_up(thread, true);
    });
    task.clear(sched::kSigPending);  // from now on only SIGKILL arrives, and it says so by kKilled
    return true;
}

/// False if SIGKILL came first.
bool wait_for_threads(CoreState& core) {
    IrqGuard guard(tasks_lock);
    while (core.missing > 0) {
        if (!core.arrival.sleep_killable(tasks_lock).ok()) return false;
    }
    return true;
}

void end_dump(Task& task, CoreState& core, bool dumped) {
    IrqGuard guard(tasks_lock);
    {
        IrqGuard sighand_guard(task.sighand->lock);
        task.signal->core = nullptr;
        if (dumped) task.signal->group_exit_code |= abi::kStatusCore;
    }
    while (CoreThread* thread = core.threads.pop_front()) {
        thread->released = true;
        thread->queue.wake_all();
    }
}

/// A new file of the caller's own: never one that was there, nor one that a link leads to.
Result<Ref<fs::File>> create_file(std::string_view name) {
    (void)fs::do_unlink(abi::AT_FDCWD, name);
    auto file = TRY(fs::do_open(abi::AT_FDCWD, name,
                                abi::O_CREAT | abi::O_EXCL | abi::O_RDWR | abi::O_NOFOLLOW, 0600));
    if (!file->inode()->is_regular()) return EINVAL;
    return file;
}

Result<Ref<fs::File>> create_core_file(int signal) {
    const mm::Own<CoreNameRoom> room = TRY(mm::make<CoreNameRoom>());
    return create_file(TRY(core_name(room->bytes, signal)));
}

bool dump(const DumpedProcess& process, u64 limit) {
    Result<Ref<fs::File>> file = create_core_file(process.info.signo);
    return file.ok() && write_core(*file.value(), process, limit);
}

}  // namespace

void do_coredump(const abi::SigInfo& info) {
    Task& task = sched::current();
    SignalStruct& signal = *task.signal;
    const u64 limit = signal.rlimits[abi::RLIMIT_CORE].current;
    if (limit < kPageSize || signal.dumpable != 1 || task.mm == nullptr) return;
    CoreState core;
    if (!begin_dump(task, core, info.signo)) return;
    bool dumped = false;
    if (wait_for_threads(core)) dumped = dump({task, core.threads, info}, limit);
    end_dump(task, core, dumped);
}

void wait_for_core_dump(Task& task) {
    IrqGuard guard(tasks_lock);
    CoreState* const core = task.signal->core;
    if (core == nullptr) return;  // it was given up
    CoreThread self{.link = {}, .task = &task, .released = false, .queue = {}};
    core->threads.push_back(self);
    if (--core->missing == 0) core->arrival.wake_all();
    while (!self.released) self.queue.sleep_uninterruptible(tasks_lock);
}

}  // namespace process
