// Making one processor ours: its tables, its stacks for the worst cases, its system-call entry.

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/entry_counts.h"
#include "arch/exception_stack.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/trap/espfix.h"
#include "arch/x86_64/trap/own_stack.h"

namespace arch {

PER_CPU CpuArea cpu_area{};
extern "C" {
PER_CPU u64 kernel_stack_top = 0;
PER_CPU u64 user_rsp_scratch = 0;
PER_CPU u64 syscall_iret_exits = 0;
void syscall_entry();
void syscall_entry_32();
void load_segments(u16 code, u16 data);
}

namespace {

constexpr usize kIstStackSize = 4096;
struct IstStacks {
    alignas(16) u8 stack[4][kIstStackSize];
};
PER_CPU IstStacks ist_stacks{};

/// This processor's copy. core/percpu has the same; arch/ stands below it.
template <class T>
T& mine(T& variable) {
    return *reinterpret_cast<T*>(reinterpret_cast<u64>(&variable) + this_cpu_read(this_cpu_offset));
}

}  // namespace

bool is_on_exception_stack(u64 at) {
    const IstStacks& stacks = mine(ist_stacks);
    return at - reinterpret_cast<u64>(&stacks) <= sizeof stacks;
}

void load_cpu_tables(CpuTables& tables) {
    lgdt({sizeof tables.gdt - 1, reinterpret_cast<u64>(tables.gdt)});
    const u64 gs_base = rdmsr(Msr::GsBase);
    load_segments(kKernelCs, kKernelDs);
    wrmsr(Msr::GsBase, gs_base);
    ltr(kTssSelector);
    lldt(0);  // out of reset it lies at address 0, where a program could write one of its own
}

/// SYSCALL and SYSRET: which selectors, which entry, which flags are cleared on entry.
/// See: Intel SDM vol. 3, 5.8.8.
void set_syscall_msrs() {
    // SYSRET loads CS = base + 16 and SS = base + 8.
    constexpr u64 kSysretBase = kUserCs32;
    static_assert(kUserDs == kSysretBase + 8 && kUserCs == kSysretBase + 16);
    static_assert(kKernelDs == kKernelCs + 8);
    constexpr u64 kTf = 1 << 8, kIf = 1 << 9, kDf = 1 << 10, kNt = 1 << 14, kAc = 1 << 18;

    wrmsr(Msr::Star, kSysretBase << 48 | u64{kKernelCs} << 32);
    wrmsr(Msr::Lstar, reinterpret_cast<u64>(&syscall_entry));
    wrmsr(Msr::Cstar, reinterpret_cast<u64>(&syscall_entry_32));
    wrmsr(Msr::SysenterCs, 0);  // SYSENTER is a general protection then
    wrmsr(Msr::SyscallMask, kTf | kIf | kDf | kNt | kAc);
}

void cpu_init(unsigned cpu) {
    enable_cpu_features();
    if (cpu_features.rdtscp) set_user_cpu_number(cpu, 0);  // nodes are not known yet
    CpuTables& tables = this_cpu_tables();
    IstStacks& stacks = mine(ist_stacks);
    u64 ist_tops[3];
    for (unsigned i = 0; i < 3; i++) {
        ist_tops[i] = reinterpret_cast<u64>(stacks.stack[i] + kIstStackSize);
    }
    build_cpu_tables(tables, ist_tops);
    tables.tss.ist[3] = reinterpret_cast<u64>(stacks.stack[3] + kIstStackSize);  // Ist::Debug
    load_cpu_tables(tables);
    load_idt();
    set_syscall_msrs();
    init_espfix(cpu);
    enable_machine_check();
}

}  // namespace arch
