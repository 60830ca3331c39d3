// SIGIO: a file with O_ASYNC has become ready. Linux: send_sigio() in fs/fcntl.c.
#include "abi/poll.h"
#include "fs/fasync.h"
#include "process/signal_internal.h"

namespace process {

namespace {

struct Sigio {
    const fs::FileOwner& owner;
    int fd;
    fs::Ready why;
};

/// Who named the receiver must be one who could have sent the signal.
bool is_permitted(const fs::FileOwner& owner, const Task& task) {
    const sched::Cred& cred = task.cred;
    return owner.euid == 0 || owner.euid == cred.suid || owner.euid == cred.uid ||
           owner.uid == cred.suid || owner.uid == cred.uid;
}

/// A signal of the file's choice says which file it is; if there is no room for it, or none was
/// chosen, SIGIO says that there is something.
void send_to(Task& task, const Sigio& sigio, Target target) REQUIRES(tasks_lock) {
    if (!is_permitted(sigio.owner, task)) return;
    if (sigio.owner.signal != 0) {
        abi::SigInfo info;
        info.signo = sigio.owner.signal;
        info.code = static_cast<i32>(sigio.why);
        info.fields[0] = sigio.why == fs::Ready::In ? abi::POLLIN | abi::POLLRDNORM
                                                    : abi::POLLOUT | abi::POLLWRNORM;
        info.fields[1] = static_cast<u32>(sigio.fd);
        if (send_signal_locked(task, info, target).ok()) return;
    }
    abi::SigInfo plain;
    plain.signo = abi::SIGIO;
    plain.code = abi::SI_KERNEL;
    (void)send_signal_locked(task, plain, target);
}

}  // namespace

}  // namespace process

void fs::send_sigio(const FileOwner& owner, int fd, Ready why) {
    using namespace process;
    if (owner.id == 0) return;
    Sigio sigio{owner, fd, why};
    IrqGuard guard(tasks_lock);
    if (owner.kind == FileOwner::Kind::Group) {
        sched::for_each_in_pgrp(
            owner.id,
            [](SignalStruct& signal, void* context) REQUIRES(tasks_lock) {
                send_to(*signal.leader, *static_cast<Sigio*>(context), Target::Process);
            },
            &sigio);
        return;
    }
    Task* const task = sched::find_task(owner.id);
    if (task == nullptr || task->signal == nullptr) return;
    const bool alone = owner.kind == FileOwner::Kind::Thread;
    send_to(*task, sigio, alone ? Target::Thread : Target::Process);
}
