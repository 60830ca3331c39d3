// Calls of i386 about processes, signals and sleep: structures with words of 32 bits. Linux:
// kernel/{exit,signal,sys}.c (COMPAT_SYSCALL_DEFINE), kernel/compat.c.

#include <array>
#include <bit>

#include "abi/fcntl.h"
#include "abi/resource.h"
#include "process/signal_internal.h"
#include "syscall/i386/compat.h"
#include "syscall/process_calls.h"

namespace syscall {

namespace {

using sched::PidNumber;

// --- sleeping ------------------------------------------------------------------------------------

Result<void> nanosleep(UserPtr<const abi::Timespec32> wanted, VirtAddr rest) {
    return do_nanosleep(to_timespec(TRY(wanted.copy_in())), {rest, true});
}

Result<void> clock_nanosleep(int clock, int flags, UserPtr<const abi::Timespec32> wanted,
                             VirtAddr rest) {
    return do_clock_nanosleep(clock, flags, to_timespec(TRY(wanted.copy_in())), {rest, true});
}

// --- usage and limits ----------------------------------------------------------------------------

/// The same fields in the same order; what does not fit is cut.
using Rusage32 = std::array<u32, sizeof(abi::Rusage) / sizeof(i64)>;
Rusage32 narrow(const abi::Rusage& usage) {
    const auto fields = std::bit_cast<std::array<i64, Rusage32{}.size()>>(usage);
    Rusage32 narrowed{};
    for (usize i = 0; i < fields.size(); i++) narrowed[i] = static_cast<u32>(fields[i]);
    return narrowed;
}

Result<void> getrusage(int who, UserPtr<Rusage32> to) {
    if (!is_rusage_target(who)) return EINVAL;
    return to.copy_out(narrow(process::get_rusage(sched::current(), who)));
}

/// All ones is no limit, in either width, and what does not fit is as good as none.
constexpr u32 kInfinity32 = ~u32{0};
struct Rlimit32 {
    u32 current, maximum;
};
u32 narrow(u64 limit) { return limit > kInfinity32 ? kInfinity32 : static_cast<u32>(limit); }
u64 widen(u32 limit) { return limit == kInfinity32 ? abi::RLIM_INFINITY : limit; }

Result<void> getrlimit(u32 resource, UserPtr<Rlimit32> to) {
    const abi::Rlimit limit = TRY(do_getrlimit(resource));
    return to.copy_out({narrow(limit.current), narrow(limit.maximum)});
}

Result<void> setrlimit(u32 resource, UserPtr<const Rlimit32> from) {
    const Rlimit32 wanted = TRY(from.copy_in());
    return do_setrlimit(resource, {widen(wanted.current), widen(wanted.maximum)});
}

// --- wait and exec -------------------------------------------------------------------------------

Result<u64> wait4(PidNumber pid, UserPtr<i32> status, u32 options, UserPtr<Rusage32> usage) {
    const process::WaitOutcome outcome = TRY(do_wait4(pid, options));
    if (outcome.pid == 0) return u64{0};
    if (!status.is_null()) TRY(status.copy_out(outcome.status));
    if (!usage.is_null()) TRY(usage.copy_out(narrow(outcome.usage)));
    return static_cast<u64>(outcome.pid);
}

/// The part of siginfo_t that waitid(2) fills: up to the status.
using WaitInfo32 = std::array<i32, 6>;

Result<void> waitid(int type, PidNumber id, UserPtr<WaitInfo32> to, u32 options,
                    UserPtr<Rusage32> usage) {
    Result<process::WaitOutcome> waited = do_waitid(type, id, options);
    process::WaitOutcome outcome;
    if (waited.ok()) outcome = waited.value();
    if (!usage.is_null() && outcome.pid != 0) TRY(usage.copy_out(narrow(outcome.usage)));
    const abi::SigInfo info = wait_info(outcome);
    if (!to.is_null()) {
        TRY(to.copy_out({info.signo, info.error, info.code, info.pid(),
                         static_cast<i32>(info.uid()), info.status()}));
    }
    if (!waited.ok()) return waited.error();
    return {};
}

process::StringList strings_at(u64 at) { return {.user = VirtAddr(at), .words_32 = true}; }

/// The new program is of 64 bits: there is no loader for others.
u64 execve(arch::TrapFrame& frame) {
    const arch::TrapFrame f = native_frame(frame);
    const ExecPointers at{f.rdi, strings_at(f.rsi), strings_at(f.rdx)};
    return to_register(do_exec(frame, abi::AT_FDCWD, at, 0));
}

// --- signals -------------------------------------------------------------------------------------

struct StackT32 {
    u32 base, flags, size;
};

Result<void> sigaltstack(UserPtr<const StackT32> wanted, UserPtr<StackT32> old) {
    abi::StackT stack{};
    if (!wanted.is_null()) {
        const StackT32 given = TRY(wanted.copy_in());
        stack = {.base = given.base, .flags = given.flags, .reserved = 0, .size = given.size};
    }
    const abi::StackT before = TRY(do_sigaltstack(wanted.is_null() ? nullptr : &stack));
    if (old.is_null()) return {};
    return old.copy_out(
        {static_cast<u32>(before.base), before.flags, static_cast<u32>(before.size)});
}

/// Without a 64-bit word, which would be aligned otherwise.
struct Sigaction32 {
    u32 handler, flags, restorer, mask_low, mask_high;
};

abi::KernelSigaction widen(const Sigaction32& from) {
    return {.handler = from.handler,
            .flags = from.flags,
            .restorer = from.restorer,
            .mask = u64{from.mask_high} << 32 | from.mask_low};
}

/// Ignoring, the default, and asking. A handler that is set here would be called in 32-bit mode,
/// with a frame of i386: no 64-bit program can want that. ENOSYS.
Result<void> rt_sigaction(int signal, UserPtr<const Sigaction32> wanted, UserPtr<Sigaction32> old,
                          u32 size) {
    if (size != sizeof(u64)) return EINVAL;
    abi::KernelSigaction action;
    if (!wanted.is_null()) action = widen(TRY(wanted.copy_in()));
    if (action.handler != abi::SIG_DFL && action.handler != abi::SIG_IGN) return ENOSYS;
    const abi::KernelSigaction before =
        TRY(process::do_sigaction(signal, wanted.is_null() ? nullptr : &action));
    if (old.is_null()) return {};
    return old.copy_out({static_cast<u32>(before.handler), static_cast<u32>(before.flags),
                         static_cast<u32>(before.restorer), static_cast<u32>(before.mask),
                         static_cast<u32>(before.mask >> 32)});
}

constexpr Entry kCalls[] = {
    {11, "execve", execve},
    {75, "setrlimit", call_i386<setrlimit>},
    {77, "getrusage", call_i386<getrusage>},
    {114, "wait4", call_i386<wait4>},
    {162, "nanosleep", call_i386<nanosleep>},
    {174, "rt_sigaction", call_i386<rt_sigaction>},
    {186, "sigaltstack", call_i386<sigaltstack>},
    {191, "ugetrlimit", call_i386<getrlimit>},
    {267, "clock_nanosleep", call_i386<clock_nanosleep>},
    {284, "waitid", call_i386<waitid>},
};

}  // namespace

constinit const std::span<const Entry> kProcessCalls386 = kCalls;

}  // namespace syscall
