// The rarer half of data segments: arch_prctl, fork, execve, and tasks that use selectors.

#include "arch/x86_64/cpu/segments.h"

namespace arch {

namespace {

/// Interrupts off from here to the end of the block: what the registers and the task's state say
/// of a base must not differ when another task is switched to.
class IrqsOff {
public:
    IrqsOff() : were_on_(irq_save()) {}
    ~IrqsOff() { irq_restore(were_on_); }
    IrqsOff(const IrqsOff&) = delete;

private:
    bool were_on_;
};

}  // namespace

void load_selectors(Selectors to) {
    load_ds(to.ds);
    load_es(to.es);
    load_fs(to.fs);
    load_user_gs(to.gs);
}

void set_fs_base(TaskState& state, u64 base) {
    IrqsOff off;
    if (read_selectors().fs != 0) load_fs(0);
    state.fs_base = base;
    wrmsr(Msr::FsBase, base);
}
void set_gs_base(TaskState& state, u64 base) {
    IrqsOff off;
    if (read_selectors().gs != 0) load_user_gs(0);
    state.gs_base = base;
    wrmsr(Msr::KernelGsBase, base);
}
u64 get_fs_base() { return rdmsr(Msr::FsBase); }
u64 get_gs_base() { return rdmsr(Msr::KernelGsBase); }

void segments_copy(TaskState& to) {
    to.selectors = read_selectors();
    to.fs_base = get_fs_base();
    to.gs_base = get_gs_base();
}

void segments_reset(TaskState& state) {
    set_fs_base(state, 0);
    set_gs_base(state, 0);
    load_ds(0);
    load_es(0);
}

}  // namespace arch
