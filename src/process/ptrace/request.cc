// ptrace(2): the tracer's side of a stop.

#include "abi/ptrace.h"
#include "arch/cpu.h"
#include "core/time/clock.h"
#include "core/user/user_ptr.h"
#include "process/ptrace/ptrace.h"
#include "process/ptrace/registers.h"
#include "process/ptrace/siginfo.h"

namespace process {

namespace {

using namespace abi;

/// A tracee says that it stops before it does: until it has left its processor, and its run queue
/// (it may have been preempted on its way), its registers are not all in memory.
void wait_until_off_cpu(Task& task) {
    constexpr u64 kPauseNs = 1'000'000;
    constexpr int kSpins = 1000;  // on another processor it takes no longer
    for (int i = 0; i < kSpins && task.on_cpu.load() != 0; i++) arch::cpu_relax();
    while (task.on_rq.load() != 0 || task.on_cpu.load() != 0) {
        sched::set_current_state(sched::kUninterruptible);
        (void)sched::schedule_until(time::now_ns() + kPauseNs);
    }
}

/// ESRCH: not the running task's tracee, or it has not stopped.
Result<void> freeze(Task& task) {
    {
        IrqGuard guard(tasks_lock);
        if (task.tracer != &sched::current()) return ESRCH;
        IrqGuard sighand_guard(task.sighand->lock);
        const bool stopped = task.state.load() & sched::kTraced;
        if (!stopped || (task.jobctl & kListening)) return ESRCH;
        task.jobctl |= kFrozen;
    }
    wait_until_off_cpu(task);
    return {};
}

/// The request is over. SIGKILL may have come meanwhile, and waits.
void unfreeze(Task& task) {
    IrqGuard guard(tasks_lock);
    IrqGuard sighand_guard(task.sighand->lock);
    if (task.tracer != &sched::current()) return;
    const bool was_killed = task.jobctl & kKilledFrozen;
    task.jobctl &= ~(kFrozen | kKilledFrozen);
    if (was_killed) sched::try_to_wake_up(task, sched::kTraced);
}

/// What a tracee is to stop for next. Emulate: at a call, which the kernel then leaves out.
struct Watch {
    bool calls = false, steps = false, emulate = false;
};

void mark(Task& task, sched::TaskFlags flag, bool on) {
    if (on) {
        task.set(flag);
    } else {
        task.clear(flag);
    }
}

Result<void> resume(Task& task, Watch watch, u64 signal) {
    if (signal > u64{kSignals}) return EIO;
    mark(task, sched::kTraceSyscall, watch.calls);
    mark(task, sched::kSyscallEmu, watch.emulate);
    if (watch.steps) {
        enable_single_step(task);
    } else {
        disable_single_step(task);
    }
    IrqGuard guard(task.sighand->lock);
    task.resume_signal = static_cast<i32>(signal);
    task.jobctl &= ~(kFrozen | kKilledFrozen);
    sched::try_to_wake_up(task, sched::kTraced);
    return {};
}

Result<void> set_options(Task& task, u64 options) {
    if (options & ~u64{kPtraceOptions}) return EINVAL;
    IrqGuard guard(tasks_lock);
    IrqGuard sighand_guard(task.sighand->lock);
    task.ptrace = (task.ptrace & (kPtraced | kSeized)) | static_cast<u32>(options);
    return {};
}

/// PTRACE_LISTEN: it stays stopped, but a change of the group stop is told. EIO: not in such a
/// stop.
Result<void> listen(Task& task) {
    IrqGuard guard(task.sighand->lock);
    const bool in_stop =
        task.last_siginfo != nullptr && u32(task.last_siginfo->code) >> 8 == PTRACE_EVENT_STOP;
    if (!(task.ptrace & kSeized) || !in_stop) return EIO;
    task.jobctl |= kListening;
    if (task.jobctl & kTrapNotify) sched::try_to_wake_up(task, sched::kTraced);
    return {};
}

/// PTRACE_INTERRUPT: it is to stop, whatever it does. ESRCH, EIO: not seized.
Result<void> interrupt(Task& task) {
    IrqGuard guard(tasks_lock);
    if (task.tracer != &sched::current()) return ESRCH;
    if (!(task.ptrace & kSeized)) return EIO;
    IrqGuard sighand_guard(task.sighand->lock);
    task.jobctl |= kTrapStop;
    trap_wake_up(task);
    return {};
}

Result<void> kill_tracee(Task& task) {
    IrqGuard guard(tasks_lock);
    if (task.tracer != &sched::current()) return ESRCH;
    SigInfo info;
    info.signo = SIGKILL;
    info.code = SI_KERNEL;
    return send_signal_locked(task, info, Target::Thread);
}

/// Any word of the tracee's memory, also where it may not itself. EIO: nothing is there.
Result<u64> peek(Task& task, u64 address) {
    u64 word = 0;
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(&word, 1));
    vm::MmStruct* const mm = vm::get_task_mm(task);
    if (mm == nullptr) return EIO;
    const usize got = mm->access_remote(VirtAddr(address), bytes, false);
    mm->put();
    if (got != sizeof word) return EIO;
    return word;
}

Result<void> poke(Task& task, u64 address, u64 word) {
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(&word, 1));
    vm::MmStruct* const mm = vm::get_task_mm(task);
    if (mm == nullptr) return EIO;
    const usize done = mm->access_remote(VirtAddr(address), bytes, true);
    mm->put();
    if (done != sizeof word) return EIO;
    return {};
}

Result<void> copy_word(u64 to, Result<u64> word) {
    const u64 value = TRY(std::move(word));
    return UserPtr<u64>(to).copy_out(value);
}

/// Requests that look at or change registers and memory.
Result<u64> examine(Task& task, i64 request, u64 address, u64 data) {
    const auto done = [](Result<void> result) -> Result<u64> {
        TRY(result);
        return u64{0};
    };
    switch (request) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA: return done(copy_word(data, peek(task, address)));
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA: return done(poke(task, address, data));
    case PTRACE_PEEKUSR: return done(copy_word(data, peek_user(task, address)));
    case PTRACE_POKEUSR: return done(poke_user(task, address, data));
    case PTRACE_GETREGS: return done(UserPtr<UserRegs>(data).copy_out(get_user_regs(task)));
    case PTRACE_SETREGS:
        return done(set_user_regs(task, TRY(UserPtr<const UserRegs>(data).copy_in())));
    case PTRACE_GETFPREGS: return done(get_fp_regs(task, data));
    case PTRACE_SETFPREGS: return done(set_fp_regs(task, data));
    case PTRACE_GETREGSET: return done(get_register_set(task, address, data));
    case PTRACE_SETREGSET: return done(set_register_set(task, address, data));
    case PTRACE_GETEVENTMSG: return done(copy_word(data, u64{task.ptrace_message}));
    case PTRACE_GETSIGINFO: return done(get_siginfo(task, data));
    case PTRACE_SETSIGINFO: return done(set_siginfo(task, data));
    case PTRACE_GETSIGMASK: return done(get_sigmask(task, address, data));
    case PTRACE_SETSIGMASK: return done(set_sigmask(task, address, data));
    case PTRACE_PEEKSIGINFO: return peek_siginfo(task, address, data);
    case PTRACE_GET_SYSCALL_INFO: return get_syscall_info(task, address, data);
    case PTRACE_SETOPTIONS: return done(set_options(task, data));
    default: return EIO;
    }
}

/// Requests for a frozen tracee: they let it go on, or look at it.
Result<u64> perform(Task& task, i64 request, u64 address, u64 data) {
    Result<void> result;
    switch (request) {
    case PTRACE_CONT: result = resume(task, {}, data); break;
    case PTRACE_SYSCALL: result = resume(task, {.calls = true}, data); break;
    case PTRACE_SINGLESTEP: result = resume(task, {.steps = true}, data); break;
    case PTRACE_SYSEMU: result = resume(task, {.emulate = true}, data); break;
    case PTRACE_SYSEMU_SINGLESTEP:
        result = resume(task, {.steps = true, .emulate = true}, data);
        break;
    case PTRACE_DETACH: result = ptrace_detach(task, data); break;
    case PTRACE_LISTEN: result = listen(task); break;
    default: return examine(task, request, address, data);
    }
    TRY(result);
    return u64{0};
}

Result<u64> request_to(Task& task, i64 request, u64 address, u64 data) {
    const auto done = [](Result<void> result) -> Result<u64> {
        TRY(result);
        return u64{0};
    };
    switch (request) {
    case PTRACE_ATTACH: return done(ptrace_attach(task));
    case PTRACE_SEIZE: return done(ptrace_seize(task, address, data));
    case PTRACE_INTERRUPT: return done(interrupt(task));
    case PTRACE_KILL: return done(kill_tracee(task));
    default: break;
    }
    TRY(freeze(task));
    Result<u64> result = perform(task, request, address, data);
    unfreeze(task);
    return result;
}

}  // namespace

Result<u64> do_ptrace(i64 request, sched::PidNumber pid, u64 address, u64 data) {
    if (request == PTRACE_TRACEME) {
        TRY(ptrace_traceme());
        return u64{0};
    }
    Ref<Task> task;
    {
        IrqGuard guard(tasks_lock);
        task = Ref<Task>::share(sched::find_task(pid));
    }
    if (!task) return ESRCH;
    return request_to(*task, request, address, data);
}

}  // namespace process
