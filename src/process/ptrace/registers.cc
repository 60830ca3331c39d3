// General registers and struct user. Linux: arch/x86/kernel/ptrace.c.

#include "process/ptrace/registers.h"

#include "arch/layout.h"
#include "lib/string.h"

namespace process {

namespace {

constexpr u64 kTrapFlag = 1 << 8;
// Flags that a program may set by itself anyway: AC RF NT OF DF TF SF ZF AF PF CF.
constexpr u64 kUserFlags = 0x54dd5;

// The general registers lie in both in the same order.
static_assert(offsetof(abi::UserRegs, fs_base) == sizeof(arch::TrapFrame));
static_assert(offsetof(abi::UserRegs, orig_rax) == offsetof(arch::TrapFrame, orig_rax));

bool is_user_selector(u16 selector) { return (selector & 3) == 3; }

Result<void> check(const abi::UserRegs& regs) {
    if (!is_user_selector(u16(regs.cs)) || !is_user_selector(u16(regs.ss))) return EIO;
    for (const u64 selector : {regs.ds, regs.es, regs.fs, regs.gs}) {
        if (u16(selector) != 0 && !is_user_selector(u16(selector))) return EIO;
    }
    if (!arch::is_user_address(VirtAddr(regs.fs_base))) return EIO;
    if (!arch::is_user_address(VirtAddr(regs.gs_base))) return EIO;
    return {};
}

/// What loading the selector leaves: nothing, if there is no such segment.
u16 loadable(u64 selector) {
    return arch::is_user_data_selector(u16(selector)) ? u16(selector) : u16{0};
}

/// The trap flag is hidden from the tracer if it is there for a single step.
void set_flags(Task& task, arch::TrapFrame& frame, u64 flags) {
    const u64 keeps = frame.rflags & ~kUserFlags;
    if (flags & kTrapFlag) {
        task.clear(sched::kForcedTf);
    } else if (task.has(sched::kForcedTf)) {
        flags |= kTrapFlag;
    }
    frame.rflags = keeps | (flags & kUserFlags);
}

}  // namespace

abi::UserRegs get_user_regs(Task& task) {
    abi::UserRegs regs{};
    memcpy(&regs, &sched::user_frame(task), sizeof(arch::TrapFrame));
    if (task.has(sched::kForcedTf)) regs.rflags &= ~kTrapFlag;
    const arch::TaskState& state = task.arch;
    regs.fs_base = state.fs_base;
    regs.gs_base = state.gs_base;
    regs.ds = state.selectors.ds;
    regs.es = state.selectors.es;
    regs.fs = state.selectors.fs;
    regs.gs = state.selectors.gs;
    return regs;
}

Result<void> set_user_regs(Task& task, const abi::UserRegs& regs) {
    TRY(check(regs));
    arch::TrapFrame& frame = sched::user_frame(task);
    const u64 flags = frame.rflags;
    memcpy(&frame, &regs, sizeof frame);
    frame.rflags = flags;
    set_flags(task, frame, regs.rflags);
    frame.cs = u16(regs.cs);
    frame.ss = u16(regs.ss);
    arch::TaskState& state = task.arch;
    state.fs_base = regs.fs_base;
    state.gs_base = regs.gs_base;
    state.selectors = {loadable(regs.ds), loadable(regs.es), loadable(regs.fs), loadable(regs.gs)};
    return {};
}

Result<u64> peek_user(Task& task, u64 offset) {
    if (offset % 8 != 0 || offset >= abi::kUserSize) return EIO;
    if (offset < sizeof(abi::UserRegs)) {
        const abi::UserRegs regs = get_user_regs(task);
        u64 value;
        memcpy(&value, reinterpret_cast<const std::byte*>(&regs) + offset, sizeof value);
        return value;
    }
    if (offset < abi::kUserDebugRegisters) return u64{0};
    Result<u64> value =
        arch::get_debug_register(task.arch.debug, u32(offset - abi::kUserDebugRegisters) / 8);
    return u64{value.ok() ? value.value() : 0};
}

Result<void> poke_user(Task& task, u64 offset, u64 value) {
    if (offset % 8 != 0 || offset >= abi::kUserSize) return EIO;
    if (offset < sizeof(abi::UserRegs)) {
        abi::UserRegs regs = get_user_regs(task);
        memcpy(reinterpret_cast<std::byte*>(&regs) + offset, &value, sizeof value);
        return set_user_regs(task, regs);
    }
    if (offset < abi::kUserDebugRegisters) return EIO;
    const u32 index = u32(offset - abi::kUserDebugRegisters) / 8;
    return arch::set_debug_register(task.arch.debug, index, value);
}

}  // namespace process
