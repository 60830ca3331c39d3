/// Data segments of programs: the selectors in DS, ES, FS and GS, and the bases of FS and GS. In
/// 64-bit mode only the two bases mean anything, but programs may load selectors, find them again
/// later, and use them in 32-bit code. Private to arch/x86_64.
///
/// Discipline: the kernel itself uses no data segment but GS, whose base is swapped on entry; so
/// what a program has loaded stays in the registers until another task runs. Meanwhile the
/// descriptor may go (user_segment.h), and to load a selector without one is a general protection,
/// for GS even with the user's base in place. So the processor is asked first (LAR), with
/// interrupts off: the tables of one that does not take interrupts stay as they are.
///
/// See: Intel SDM vol. 3, 3.4.4 (a selector that is loaded into FS or GS brings its base along).
#pragma once

#include "arch/cpu.h"
#include "arch/task.h"

namespace arch {

/// Interrupts off from here to the end of the block: what the registers and the task's state say
/// must not differ when another task is switched to.
class IrqsOff {
public:
    IrqsOff() : were_on_(irq_save()) {}
    ~IrqsOff() { irq_restore(were_on_); }
    IrqsOff(const IrqsOff&) = delete;

private:
    bool were_on_;
};

inline Selectors read_selectors() {
    Selectors now;
    store_data_segments(now.ds, now.es, now.fs, now.gs);
    return now;
}

/// Loads all four, whatever the registers hold, 0 for what cannot be loaded; FS and GS bases are
/// those of the descriptors then. Interrupts are off.
void load_selectors(Selectors to);

/// Lets the I/O ports of `state` be those of this processor. Interrupts are off.
void load_ports(const TaskState& state);

/// The part of switch_segments() for tasks that use selectors or have extras.
void switch_rare(TaskState& from, const TaskState& to);

/// Part of switch_to(): puts away what the running program has, and loads what `to` had. Most
/// programs never touch a selector or GS, so that both cost a few tests. Interrupts are off.
inline void switch_segments(TaskState& from, const TaskState& to) {
    Selectors& now = from.selectors;
    store_data_segments(now.ds, now.es, now.fs, now.gs);
    from.fs_base = rdmsr(Msr::FsBase);
    // While the kernel runs, the user's GS base waits in KernelGsBase. Only a selector can change
    // it behind our back.
    if (from.gs_base != 0 || now.gs != 0) from.gs_base = rdmsr(Msr::KernelGsBase);
    const u64 rare = now.word() | to.selectors.word() | from.extras | to.extras;
    if (rare != 0) [[unlikely]] {
        switch_rare(from, to);
        return;
    }
    if (from.fs_base != to.fs_base) wrmsr(Msr::FsBase, to.fs_base);
    if (from.gs_base != to.gs_base) wrmsr(Msr::KernelGsBase, to.gs_base);
}

}  // namespace arch
