// What only this machine has: segments and I/O ports.

#include "abi/prctl.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "process/machine/ioport.h"
#include "sched/task.h"
#include "syscall/machine_calls.h"
#include "syscall/table.h"
#include "vm/ldt.h"

namespace syscall {

/// No processor of ours can make CPUID fault, and no component of the FPU state waits for
/// permission.
Result<u64> arch_prctl_common(int option, u64 value) {
    switch (option) {
    case abi::ARCH_GET_CPUID: return u64{1};
    case abi::ARCH_SET_CPUID: return ENODEV;
    case abi::ARCH_GET_XCOMP_SUPP:
    case abi::ARCH_GET_XCOMP_PERM:
        TRY(UserPtr<u64>(value).copy_out(arch::cpu_features.xcr0));
        return u64{0};
    case abi::ARCH_REQ_XCOMP_PERM: return value >= abi::kXfeatures ? EINVAL : EOPNOTSUPP;
    default: return EINVAL;
    }
}

namespace {

Result<u64> sys_arch_prctl(int option, u64 value) {
    arch::TaskState& state = sched::current().arch;
    switch (option) {
    case abi::ARCH_SET_FS:
        if (!arch::is_user_address(VirtAddr(value))) return EPERM;
        arch::set_fs_base(state, value);
        return u64{0};
    case abi::ARCH_SET_GS:
        if (!arch::is_user_address(VirtAddr(value))) return EPERM;
        arch::set_gs_base(state, value);
        return u64{0};
    case abi::ARCH_GET_FS: TRY(UserPtr<u64>(value).copy_out(arch::get_fs_base())); return u64{0};
    case abi::ARCH_GET_GS: TRY(UserPtr<u64>(value).copy_out(arch::get_gs_base())); return u64{0};
    default: return arch_prctl_common(option, value);
    }
}

Result<u64> write_ldt(VirtAddr at, u64 bytes, bool old_mode) {
    if (bytes != sizeof(abi::UserDesc)) return EINVAL;
    const abi::UserDesc info = TRY(UserPtr<const abi::UserDesc>(at).copy_in());
    TRY(vm::write_ldt(*sched::current().mm, info, old_mode));
    return u64{0};
}

/// What a process has that never wrote one: nothing, in zeros.
Result<u64> read_default_ldt(VirtAddr to, u64 bytes) {
    constexpr u64 kDefaultBytes = 128;
    bytes = std::min(bytes, kDefaultBytes);
    TRY(clear_user(to, bytes));
    return bytes;
}

Result<u64> modify_ldt(int function, VirtAddr at, u64 bytes) {
    constexpr int kRead = 0, kWriteOld = 1, kReadDefault = 2, kWrite = 0x11;
    switch (function) {
    case kRead: return vm::read_ldt(*sched::current().mm, at, bytes);
    case kWriteOld: return write_ldt(at, bytes, true);
    case kReadDefault: return read_default_ldt(at, bytes);
    case kWrite: return write_ldt(at, bytes, false);
    default: return ENOSYS;
    }
}

/// Its result is an int, by accident: errors come back as positive numbers, of 32 bits.
Result<u64> sys_modify_ldt(int function, VirtAddr at, u64 bytes) {
    return u64{u32(to_register(modify_ldt(function, at, bytes)))};
}

constexpr Entry kCalls[] = {
    {154, "modify_ldt", call<sys_modify_ldt>},
    {172, "iopl", call<process::iopl>},
    {173, "ioperm", call<process::ioperm>},
    {158, "arch_prctl", call<sys_arch_prctl>},
};

}  // namespace

constinit const std::span<const Entry> kMachineCalls = kCalls;

}  // namespace syscall
