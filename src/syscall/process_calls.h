/// Calls about processes, signals and sleep as both doors need them: with what they read and write
/// in the kernel's form, and not yet in user memory. Private to syscall/.
#pragma once

#include "abi/signal.h"
#include "abi/time.h"
#include "arch/trap_frame.h"
#include "lib/result.h"
#include "process/exec/exec.h"
#include "process/process.h"
#include "process/timer/posix_clock.h"

namespace syscall {

/// wait4(2) and waitid(2) without their pointers. EINVAL, ECHILD, ESRCH, EAGAIN, ERESTARTSYS.
Result<process::WaitOutcome> do_wait4(sched::PidNumber pid, u32 options);
Result<process::WaitOutcome> do_waitid(int type, sched::PidNumber id, u32 options);

/// What waitid(2) tells of the outcome; all zero if there is none.
abi::SigInfo wait_info(const process::WaitOutcome& outcome);

/// execveat(2). EFAULT and what open and exec say.
struct ExecPointers {
    u64 name;
    process::StringList argv, envp;
};
Result<void> do_exec(arch::TrapFrame& frame, int dirfd, const ExecPointers& at, u32 flags);

/// sigaltstack(2): what there was; `wanted`, if not null, is set. EPERM, EINVAL, ENOMEM.
Result<abi::StackT> do_sigaltstack(const abi::StackT* wanted);

/// Where an interrupted sleep leaves what is left of it, and with words of which width.
struct RestOfSleep {
    VirtAddr at;  // 0: nowhere
    bool is_32 = false;
};
/// nanosleep(2) and clock_nanosleep(2). EINVAL, EOPNOTSUPP, EFAULT, and codes that restart.
Result<void> do_nanosleep(const abi::Timespec& wanted, RestOfSleep rest);
Result<void> do_clock_nanosleep(int clock, int flags, const abi::Timespec& wanted,
                                RestOfSleep rest);

/// getitimer(2) and setitimer(2); setting returns what there was. EINVAL, ENOMEM.
Result<process::ItimerValue> do_getitimer(int which);
Result<process::ItimerValue> do_setitimer(int which, const process::ItimerValue& value);

/// clock_gettime(2) and clock_getres(2), in nanoseconds. EINVAL.
Result<u64> do_clock_gettime(int clock);
Result<u64> do_clock_getres(int clock);
/// The clock of clock_settime(2), whose `set` is there. EINVAL: there is none, or nobody sets it.
Result<const process::KClock*> find_settable_clock(int clock);

/// timer_create(2); a null `event` is SIGALRM. The timer is gone again if its number cannot be
/// told. EFAULT, and what process::timer_create() says.
Result<void> do_timer_create(int clock, const abi::Sigevent* event, UserPtr<i32> user_id);

/// What times(2) tells, and the ticks that it returns.
abi::Tms process_tms();
u64 ticks_since_boot();

/// rt_sigtimedwait(2): waits until `deadline` (as deadline_in() makes it) for a signal of `set`,
/// and returns its number. EAGAIN, EINTR.
Result<int> do_sigtimedwait(u64 set, u64 deadline, abi::SigInfo& info);

/// getrlimit(2) and setrlimit(2) of the running process. EINVAL, EPERM.
Result<abi::Rlimit> do_getrlimit(u32 resource);
Result<void> do_setrlimit(u32 resource, const abi::Rlimit& wanted);

/// Whether getrusage(2) knows RUSAGE_`who`.
bool is_rusage_target(int who);

}  // namespace syscall
