/// Which session owns a terminal, and which process group is in front. Linux:
/// drivers/tty/tty_jobctrl.c.
///
/// SignalStruct::tty and Tty::session are set together, under the sighand lock of the session
/// leader and the Tty's lock, and each is believed only if the other agrees.
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/signal.h"
#include "core/user/user_ptr.h"
#include "drivers/tty/tty.h"
#include "process/controlling_tty.h"
#include "process/signal.h"
#include "sched/task.h"

namespace tty {

using namespace abi;
using sched::PidNumber;
using sched::SignalStruct;

/// The terminal of `task`'s process, if the two still belong together.
static Tty* tty_of(sched::Task& task) {
    if (!task.signal || !task.sighand) return nullptr;
    IrqGuard guard(task.sighand->lock);
    Tty* tty = static_cast<Tty*>(task.signal->tty);
    return tty && tty->session.load() == task.signal->session ? tty : nullptr;
}

Tty* current_tty() { return tty_of(sched::current()); }

Result<void> check_change(Tty& tty, int signal) {
    sched::Task& task = sched::current();
    if (current_tty() != &tty) return {};
    const PidNumber pgrp = task.signal->pgrp;
    const PidNumber front = tty.foreground.load();
    if (front == 0 || front == pgrp) return {};
    if (process::is_ignored_or_blocked(task, signal)) {
        return signal == SIGTTIN ? Result<void>(EIO) : Result<void>();
    }
    if (process::is_orphaned_pgrp(pgrp)) return EIO;
    TRY(process::kill_pgrp(pgrp, signal));
    return ERESTARTSYS;
}

// --- becoming and ceasing to be the controlling terminal
// ------------------------------------------

/// Makes `tty` the controlling terminal of the running process, a session leader without one.
static void set_controlling_tty(Tty& tty) {
    sched::Task& task = sched::current();
    IrqGuard sighand_guard(task.sighand->lock);
    IrqGuard guard(tty.lock);
    task.signal->tty = &tty;
    tty.session = task.signal->session;
    tty.foreground = task.signal->pgrp;
}

void acquire_at_open(Tty& tty, const fs::File& file) {
    SignalStruct& signal = *sched::current().signal;
    if (file.flags.load() & O_NOCTTY) return;
    if (!signal.is_session_leader || current_tty() || tty.session.load() != 0) return;
    // Opening for writing only must not steal the keyboard of whoever comes next.
    if (file.may_read()) set_controlling_tty(tty);
}

static Result<void> set_controlling(fs::File& file, Tty& tty, u64 argument) {
    sched::Task& task = sched::current();
    SignalStruct& signal = *task.signal;
    if (signal.is_session_leader && tty.session.load() == signal.session) return {};
    if (!signal.is_session_leader || current_tty()) return EPERM;
    if (tty.session.load() != 0 && (argument != 1 || !task.cred.is_root())) return EPERM;
    if (!file.may_read() && !task.cred.is_root()) return EPERM;
    // Taken from another session: its processes' pointers disagree with the new number, so for
    // them it is gone as well.
    set_controlling_tty(tty);
    return {};
}

/// The session leader gives its terminal up: nobody in the session has one now.
static void give_up(Tty& tty) {
    const PidNumber front = tty.foreground.exchange(0);
    tty.session = 0;
    if (front > 0) {
        (void)process::kill_pgrp(front, SIGHUP);
        (void)process::kill_pgrp(front, SIGCONT);
    }
}

static void clear_own_tty() {
    sched::Task& task = sched::current();
    IrqGuard guard(task.sighand->lock);
    task.signal->tty = nullptr;
}

static Result<void> give_up_own(Tty& tty) {
    if (current_tty() != &tty) return ENOTTY;
    if (sched::current().signal->is_session_leader) give_up(tty);
    clear_own_tty();
    return {};
}

static void leader_exits() {
    Tty* tty = current_tty();
    if (tty) tty->hangup();
    clear_own_tty();
}

static process::TtyIdentity identify(sched::Task& task) {
    Tty* tty = tty_of(task);
    if (!tty) return {};
    return {.device = tty->device, .foreground_pgrp = tty->foreground.load()};
}

static constinit const process::TtyHooks kHooks = {leader_exits, identify};

void install_job_control_hooks() { process::tty_hooks = &kHooks; }

// --- the foreground group
// -------------------------------------------------------------------------

/// The session that process group `pgrp` belongs to; as on Linux also that of a process with that
/// number, though it leads no group (a shell may race with its child's setpgid()). ESRCH.
static Result<PidNumber> session_of_group(PidNumber pgrp) {
    PidNumber session = 0;
    IrqGuard guard(sched::tasks_lock);
    const auto note = [](SignalStruct& member, void* found) {
        *static_cast<PidNumber*>(found) = member.session;
    };
    if (sched::for_each_in_pgrp(pgrp, note, &session)) return session;
    const sched::Task* task = sched::find_task(pgrp);
    if (!task || !task->signal) return ESRCH;
    return PidNumber{task->signal->session};
}

static Result<void> set_foreground(Tty& tty, UserPtr<const i32> argument) {
    const Result<void> allowed = check_change(tty, SIGTTOU);
    if (!allowed.ok()) return allowed.error() == EIO ? Result<void>(ENOTTY) : allowed;
    if (current_tty() != &tty) return ENOTTY;
    const PidNumber pgrp = TRY(argument.copy_in());
    if (pgrp < 0) return EINVAL;
    const PidNumber session = TRY(session_of_group(pgrp));
    if (session != sched::current().signal->session) return EPERM;
    tty.foreground = pgrp;
    return {};
}

Result<u64> job_control_ioctl(fs::File& file, Tty& tty, u32 command, u64 argument) {
    switch (command) {
    case TIOCSCTTY: TRY(set_controlling(file, tty, argument)); break;
    case TIOCNOTTY: TRY(give_up_own(tty)); break;
    case TIOCGPGRP:
        if (current_tty() != &tty) return ENOTTY;
        TRY(UserPtr<i32>(argument).copy_out(tty.foreground.load()));
        break;
    case TIOCSPGRP: TRY(set_foreground(tty, UserPtr<const i32>(argument))); break;
    case TIOCGSID:
        if (current_tty() != &tty || tty.session.load() == 0) return ENOTTY;
        TRY(UserPtr<i32>(argument).copy_out(tty.session.load()));
        break;
    default: return ENOTTY;
    }
    return u64{0};
}

}  // namespace tty
