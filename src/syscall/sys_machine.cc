// What only this machine has: bases of segments.

#include "abi/prctl.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "sched/task.h"
#include "syscall/machine_calls.h"
#include "syscall/table.h"

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

constexpr Entry kCalls[] = {
    {158, "arch_prctl", call<sys_arch_prctl>},
};

}  // namespace

constinit const std::span<const Entry> kMachineCalls = kCalls;

}  // namespace syscall
