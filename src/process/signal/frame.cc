// The frame a handler runs on, and the way back from it.
//
// On the user's stack, from high to low addresses: 128 bytes that the interrupted function may
// use (the red zone; not on an alternate stack), the FPU state, RtSigframe. Its first word is the
// handler's return address, the restorer, which calls rt_sigreturn(2).
//
// On the way back everything in the frame is a claim by the user. Flags are masked, selectors get
// privilege level 3, and arch::fpu_load_from() tells whether it could load the FPU state. What the
// final IRET does not accept (a selector, rip) becomes an exception of the program there.

#include "arch/layout.h"
#include "arch/user_segment.h"
#include "core/user/user_ptr.h"
#include "lib/string.h"
#include "process/signal/fpu_buffer.h"
#include "process/signal_internal.h"

namespace process {

namespace {

constexpr u64 kRedZone = 128;
constexpr u64 kFpuAlign = 64;
constexpr arch::TrapFrame kStart = arch::user_start_frame(VirtAddr(0), VirtAddr(0));
// Flags that a program may set by itself anyway: AC OF DF RF TF SF ZF AF PF CF.
constexpr u64 kUserFlags = 0x50dd5;
constexpr u64 kClearedFlags = 1 << 10 | 1 << 16 | 1 << 8;  // DF RF TF: a handler starts without

bool on_altstack(const Task& task, u64 sp) {
    return sp > task.altstack_base.raw() && sp - task.altstack_base.raw() <= task.altstack_size;
}

struct Place {
    u64 frame;
    u64 fpu;
};

/// Where the frame goes. EFAULT if it does not fit on the alternate stack.
Result<Place> place_frame(const Task& task, const abi::KernelSigaction& action, u64 sp) {
    const bool has_altstack = !(task.altstack_flags & abi::SS_DISABLE);
    const bool nested = has_altstack && on_altstack(task, sp);
    const bool enter = (action.flags & abi::SA_ONSTACK) && has_altstack && !nested;
    u64 top = enter ? task.altstack_base.raw() + task.altstack_size : sp - kRedZone;
    Place place;
    place.fpu = align_down(top - arch::fpu_frame_size(), kFpuAlign);
    place.frame = align_down(place.fpu - sizeof(abi::RtSigframe), 16) - 8;
    if ((enter || nested) && !on_altstack(task, place.frame)) return EFAULT;
    return place;
}

void save_registers(const arch::TrapFrame& frame, abi::SigContext& to) {
    to.r8 = frame.r8;
    to.r9 = frame.r9;
    to.r10 = frame.r10;
    to.r11 = frame.r11;
    to.r12 = frame.r12;
    to.r13 = frame.r13;
    to.r14 = frame.r14;
    to.r15 = frame.r15;
    to.rdi = frame.rdi;
    to.rsi = frame.rsi;
    to.rbp = frame.rbp;
    to.rbx = frame.rbx;
    to.rdx = frame.rdx;
    to.rax = frame.rax;
    to.rcx = frame.rcx;
    to.rsp = frame.rsp;
    to.rip = frame.rip;
    to.rflags = frame.rflags;
    to.cs = static_cast<u16>(frame.cs);
    to.ss = static_cast<u16>(frame.ss);
}

void restore_registers(const abi::SigContext& from, arch::TrapFrame& frame) {
    frame.r8 = from.r8;
    frame.r9 = from.r9;
    frame.r10 = from.r10;
    frame.r11 = from.r11;
    frame.r12 = from.r12;
    frame.r13 = from.r13;
    frame.r14 = from.r14;
    frame.r15 = from.r15;
    frame.rdi = from.rdi;
    frame.rsi = from.rsi;
    frame.rbp = from.rbp;
    frame.rbx = from.rbx;
    frame.rdx = from.rdx;
    frame.rax = from.rax;
    frame.rcx = from.rcx;
    frame.rsp = from.rsp;
    frame.rip = from.rip;
    frame.cs = from.cs | 3u;
    frame.ss = from.ss | 3u;
    frame.rflags = (frame.rflags & ~kUserFlags) | (from.rflags & kUserFlags);
    frame.orig_rax = ~u64{0};
}

abi::UContext make_context(const Task& task, u64 saved_mask, const arch::TrapFrame& frame) {
    abi::UContext uc{};
    uc.flags = abi::UC_SIGCONTEXT_SS;
    if (frame.cs == kStart.cs) uc.flags |= abi::UC_STRICT_RESTORE_SS;
    if (arch::fpu_frame_size() > arch::kFpuLegacySize) uc.flags |= abi::UC_FP_XSTATE;
    uc.stack = {task.altstack_base.raw(), task.altstack_flags, 0, task.altstack_size};
    save_registers(frame, uc.mcontext);
    uc.mcontext.oldmask = saved_mask;
    uc.sigmask = saved_mask;
    // Of the last fault, whatever this signal is about: as on Linux.
    uc.mcontext.trapno = task.arch.trap_number;
    uc.mcontext.err = task.arch.trap_error;
    uc.mcontext.cr2 = task.arch.fault_address;
    return uc;
}

Result<void> write_fpu(Task& task, u64 to) {
    const FpuBuffer buffer = TRY(FpuBuffer::create());
    arch::fpu_save_to(task.arch, buffer.get());
    return copy_to_user(VirtAddr(to), buffer.get(), arch::fpu_frame_size());
}

/// In two steps, since the frame may end where the first does.
Result<void> load_fpu(Task& task, u64 from) {
    const FpuBuffer buffer = TRY(FpuBuffer::create());
    TRY(copy_from_user(buffer.get(), VirtAddr(from), arch::kFpuLegacySize));
    const usize size = arch::fpu_claimed_size(buffer.get());
    if (!is_aligned(from, arch::fpu_alignment(size))) return EINVAL;
    u8* const rest = static_cast<u8*>(buffer.get()) + arch::kFpuLegacySize;
    TRY(copy_from_user(rest, VirtAddr(from + arch::kFpuLegacySize), size - arch::kFpuLegacySize));
    return arch::fpu_load_from(task.arch, buffer.get(), size);
}

Result<void> read_fpu(Task& task, u64 from) {
    const Result<void> loaded = from != 0 ? load_fpu(task, from) : EINVAL;
    if (!loaded.ok()) arch::fpu_reset(task.arch);
    if (from == 0) return {};
    return loaded;
}

Result<void> do_sigreturn(arch::TrapFrame& frame) {
    Task& task = sched::current();
    // The restorer's `ret` has taken the first word.
    const VirtAddr at(frame.rsp - 8 + offsetof(abi::RtSigframe, uc));
    abi::UContext uc;
    TRY(copy_from_user(&uc, at, sizeof uc));
    TRY(read_fpu(task, uc.mcontext.fpstate));
    restore_registers(uc.mcontext, frame);
    // Old programs left for 64-bit code with whatever they found in SS.
    const bool is_strict = uc.flags & abi::UC_STRICT_RESTORE_SS;
    if (frame.cs == kStart.cs && !is_strict) frame.ss = arch::valid_stack_segment(u16(frame.ss));
    task.restart_function = nullptr;  // what the handler interrupted has ended
    set_current_blocked(uc.sigmask);
    if (!(uc.stack.flags & ~(abi::SS_ONSTACK | abi::SS_DISABLE | abi::SS_AUTODISARM))) {
        task.altstack_base = VirtAddr(uc.stack.base);
        task.altstack_size = uc.stack.size;
        task.altstack_flags = uc.stack.flags & ~abi::SS_ONSTACK;
    }
    return {};
}

}  // namespace

Result<void> setup_rt_frame(const Delivery& delivery, u64 saved_mask, arch::TrapFrame& frame) {
    Task& task = sched::current();
    const abi::KernelSigaction& action = delivery.action;
    if (!(action.flags & abi::SA_RESTORER)) return EFAULT;
    const Place place = TRY(place_frame(task, action, frame.rsp));
    TRY(write_fpu(task, place.fpu));

    const UserPtr<abi::RtSigframe> at(place.frame);
    abi::RtSigframe image{.restorer = action.restorer,
                          .uc = make_context(task, saved_mask, frame),
                          .info = delivery.info};
    image.uc.mcontext.fpstate = place.fpu;
    TRY(at.copy_out(image));
    if (task.altstack_flags & abi::SS_AUTODISARM) {
        task.altstack_flags = abi::SS_DISABLE;
        task.altstack_base = VirtAddr(0);
        task.altstack_size = 0;
    }

    frame.rdi = static_cast<u64>(delivery.signal);
    frame.rsi = place.frame + offsetof(abi::RtSigframe, info);
    frame.rdx = place.frame + offsetof(abi::RtSigframe, uc);
    frame.rax = 0;
    frame.rsp = place.frame;
    frame.rip = action.handler;
    frame.cs = kStart.cs;  // the interrupted code may have been in another segment
    // A handler may want to know which stack that code had, but it must be one to return to.
    if (frame.ss != kStart.ss) frame.ss = arch::valid_stack_segment(u16(frame.ss));
    frame.rflags &= ~kClearedFlags;
    arch::fpu_reset(task.arch);  // a handler starts with rounding and masks as a program does
    return {};
}

u64 sys_rt_sigreturn(arch::TrapFrame& frame) {
    if (!do_sigreturn(frame).ok()) force_sigsegv(0);
    return frame.rax;
}

}  // namespace process
