// Calls of i386 about the machine and its threads. Linux: arch/x86/ia32/sys_ia32.c.

#include "abi/sched.h"
#include "process/machine/tls.h"
#include "process/process.h"
#include "syscall/i386/compat.h"
#include "syscall/machine_calls.h"

namespace syscall {

namespace {

/// clone(flags, stack, parent_tid, tls, child_tid): the last two the other way round than at the
/// first door, and tls is a description of a segment.
u64 clone(arch::TrapFrame& frame) {
    const arch::TrapFrame f = native_frame(frame);
    return to_register(process::kernel_clone({.flags = f.rdi & ~u64{abi::CSIGNAL},
                                              .exit_signal = u32(f.rdi & abi::CSIGNAL),
                                              .stack = f.rsi,
                                              .parent_tid = UserPtr<i32>(f.rdx),
                                              .child_tid = UserPtr<i32>(f.r8),
                                              .tls = f.r10,
                                              .tls_is_area = true},
                                             frame));
}

constexpr Entry kCalls[] = {
    {120, "clone", clone},
    {243, "set_thread_area", call_i386<process::set_thread_area>},
    {244, "get_thread_area", call_i386<process::get_thread_area>},
    {384, "arch_prctl", call_i386<arch_prctl_common>},
};

}  // namespace

constinit const std::span<const Entry> kMachineCalls386 = kCalls;

}  // namespace syscall
