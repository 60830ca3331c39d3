/// Signals as user space sees them: numbers, flags, siginfo_t, the kernel's struct sigaction and
/// the frame that a handler runs on. Linux: include/uapi/asm-generic/{signal,siginfo}.h,
/// arch/x86/include/uapi/asm/{signal,sigcontext,ucontext}.h.
///
/// None of the structs has padding, so each may be copied to user space as it is.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr int kSignals = 64;  // numbered 1 … 64

inline constexpr int SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6;
inline constexpr int SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12;
inline constexpr int SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGSTKFLT = 16, SIGCHLD = 17;
inline constexpr int SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22;
inline constexpr int SIGURG = 23, SIGXCPU = 24, SIGXFSZ = 25, SIGVTALRM = 26, SIGPROF = 27;
inline constexpr int SIGWINCH = 28, SIGIO = 29, SIGPWR = 30, SIGSYS = 31;
inline constexpr int SIGRTMIN = 32;  // the first that queues

inline constexpr u64 SIG_DFL = 0, SIG_IGN = 1;

inline constexpr u64 SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4;
inline constexpr u64 SA_RESTORER = 0x0400'0000, SA_ONSTACK = 0x0800'0000, SA_RESTART = 0x1000'0000;
inline constexpr u64 SA_NODEFER = 0x4000'0000, SA_RESETHAND = 0x8000'0000;
inline constexpr u64 SA_EXPOSE_TAGBITS = 0x800, SA_UNSUPPORTED = 0x400;

inline constexpr int SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2;

inline constexpr u32 SS_ONSTACK = 1, SS_DISABLE = 2, SS_AUTODISARM = 1u << 31;
inline constexpr u64 MINSIGSTKSZ = 2048;

/// si_code: who sent it; positive values belong to the signal.
inline constexpr i32 SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TIMER = -2, SI_SIGIO = -5,
                     SI_TKILL = -6;
inline constexpr i32 ILL_ILLOPN = 2;
inline constexpr i32 FPE_INTDIV = 1, FPE_INTOVF = 2, FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5;
inline constexpr i32 FPE_FLTRES = 6, FPE_FLTINV = 7;
inline constexpr i32 SEGV_MAPERR = 1, SEGV_ACCERR = 2;
inline constexpr i32 BUS_ADRALN = 1, BUS_ADRERR = 2, BUS_OBJERR = 3;
inline constexpr i32 TRAP_BRKPT = 1, TRAP_TRACE = 2, TRAP_HWBKPT = 4;
inline constexpr i32 CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4;
inline constexpr i32 CLD_STOPPED = 5, CLD_CONTINUED = 6;

/// siginfo_t. What stands after `code` depends on the signal; the functions name the places.
struct SigInfo {
    i32 signo = 0;
    i32 error = 0;
    i32 code = 0;
    i32 reserved = 0;
    u64 fields[14] = {};

    /// SI_USER, SI_QUEUE, SI_TKILL and SIGCHLD: who sent it.
    i32 pid() const { return static_cast<i32>(fields[0]); }
    u32 uid() const { return static_cast<u32>(fields[0] >> 32); }
    void set_sender(i32 pid, u32 uid) {
        fields[0] = static_cast<u64>(uid) << 32 | static_cast<u32>(pid);
    }
    /// SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP: where.
    u64 address() const { return fields[0]; }
    void set_address(u64 at) { fields[0] = at; }
    /// SI_QUEUE, SI_TIMER: the sender's value.
    u64 value() const { return fields[1]; }
    void set_value(u64 value) { fields[1] = value; }
    /// SI_TIMER: which timer, and how often it expired beyond the one that is told here.
    i32 timer_id() const { return static_cast<i32>(fields[0]); }
    i32 overrun() const { return static_cast<i32>(fields[0] >> 32); }
    void set_timer(i32 id, i32 overrun) {
        fields[0] = static_cast<u64>(static_cast<u32>(overrun)) << 32 | static_cast<u32>(id);
    }
    /// SIGCHLD: exit status or signal number, and times in clock ticks.
    i32 status() const { return static_cast<i32>(fields[1]); }
    void set_child(i32 status, u64 user_ticks, u64 system_ticks) {
        fields[1] = static_cast<u32>(status);
        fields[2] = user_ticks;
        fields[3] = system_ticks;
    }
};
static_assert(sizeof(SigInfo) == 128);

/// struct sigevent: how a timer tells that it has expired.
struct Sigevent {
    u64 value;
    i32 signo;
    i32 notify;     // SIGEV_*
    i32 thread_id;  // with SIGEV_THREAD_ID
    i32 reserved[11];
};
static_assert(sizeof(Sigevent) == 64);

inline constexpr i32 SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4;

/// struct sigaction as rt_sigaction(2) passes it.
struct KernelSigaction {
    u64 handler = SIG_DFL;
    u64 flags = 0;
    u64 restorer = 0;
    u64 mask = 0;
};
static_assert(sizeof(KernelSigaction) == 32);

/// stack_t.
struct StackT {
    u64 base;
    u32 flags;
    u32 reserved;
    u64 size;
};
static_assert(sizeof(StackT) == 24);

/// struct sigcontext: the interrupted registers.
struct SigContext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15;
    u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    u16 cs, gs, fs, ss;
    u64 err, trapno, oldmask, cr2;
    u64 fpstate;  // address of the FPU state, 64-byte aligned; 0: none
    u64 reserved[8];
};
static_assert(sizeof(SigContext) == 256);

inline constexpr u64 UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4;

struct UContext {
    u64 flags;
    u64 link;
    StackT stack;
    SigContext mcontext;
    u64 sigmask;
};
static_assert(sizeof(UContext) == 304);

/// What a handler finds on its stack; `restorer` is its return address. The FPU state follows.
struct RtSigframe {
    u64 restorer;
    UContext uc;
    SigInfo info;
};
static_assert(sizeof(RtSigframe) == 440);

}  // namespace abi
