// What a pidfd can do: be waited for, name a process in signals, lend its files.

#include "process/pidfd.h"

#include "process/ptrace/ptrace.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "fs/fd_table.h"
#include "lib/format.h"
#include "process/signal_internal.h"

namespace process {

namespace {

SignalStruct& signal_of(const fs::File& file) {
    return *static_cast<SignalStruct*>(file.private_data);
}

/// Null once it has been reaped.
Task* leader_of(SignalStruct& signal) REQUIRES(tasks_lock) {
    return signal.thread_count > 0 ? signal.leader : nullptr;
}

bool has_ended(const SignalStruct& signal) REQUIRES(tasks_lock) {
    if (signal.thread_count == 0) return true;
    return signal.thread_count == 1 && signal.leader->state.load() == sched::kZombie;
}

class PidfdOperations final : public fs::FileOperations {
public:
    void release(fs::File& file) const override {
        SignalStruct& signal = signal_of(file);
        if (signal.ref_count.dec_and_test()) SignalStruct::release(&signal);
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        SignalStruct& signal = signal_of(file);
        if (table) table->wait_on(signal.pidfd_wait);
        IrqGuard guard(tasks_lock);
        return has_ended(signal) ? abi::POLLIN | abi::POLLRDNORM : 0;
    }
    usize show_fdinfo(fs::File& file, std::span<char> room) const override {
        sched::PidNumber pid = -1;
        {
            IrqGuard guard(tasks_lock);
            if (const Task* leader = leader_of(signal_of(file))) pid = leader->pid;
        }
        return format_to(room, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
    }
    bool is_stream() const override { return true; }
};
constexpr PidfdOperations kPidfdOps;

/// The table of the process' leader, kept.
Result<Ref<fs::FdTable>> files_of(SignalStruct& signal) {
    IrqGuard guard(tasks_lock);
    Task* const leader = leader_of(signal);
    if (leader == nullptr) return ESRCH;
    TRY(ptrace_may_access(*leader, Access::Real));
    if (leader->files == nullptr) return EBADF;  // it has ended
    return Ref<fs::FdTable>::share(leader->files);
}

}  // namespace

Result<Ref<fs::File>> make_pidfd(SignalStruct& signal, u32 flags) {
    auto file = TRY(fs::File::open_anonymous("[pidfd]", kPidfdOps,
                                             abi::O_RDWR | (flags & abi::O_NONBLOCK), &signal));
    signal.ref_count.inc();  // the file's release() gives it back
    return file;
}

Result<Ref<fs::File>> pidfd_open(sched::PidNumber pid, u32 flags) {
    if (pid <= 0) return EINVAL;
    Ref<Task> leader;
    {
        IrqGuard guard(tasks_lock);
        Task* const task = sched::find_task(pid);
        if (task == nullptr) return ESRCH;
        if (task->group_leader != task || task->signal == nullptr) return EINVAL;
        leader = Ref<Task>::share(task);
    }
    return make_pidfd(*leader->signal, flags);
}

Result<SignalStruct*> process_of_pidfd(const fs::File& file) {
    if (file.ops != &kPidfdOps) return EBADF;
    return &signal_of(file);
}

Result<void> send_to_process_of(SignalStruct& signal, const abi::SigInfo& info) {
    IrqGuard guard(tasks_lock);
    Task* const leader = leader_of(signal);
    if (leader == nullptr) return ESRCH;
    return send_checked(*leader, info, Target::Process);
}

Result<Ref<fs::File>> pidfd_getfd(const fs::File& file, int fd) {
    const Ref<fs::FdTable> files = TRY(files_of(*TRY(process_of_pidfd(file))));
    return files->get(fd);
}

void pidfd_notify(SignalStruct& signal) { signal.pidfd_wait.wake_all(); }

}  // namespace process
