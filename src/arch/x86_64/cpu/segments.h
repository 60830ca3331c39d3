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

/// Part of switch_to(): puts away what the running program has, and loads what `to` had. Most
/// programs never touch a selector or GS, so that both cost a few tests. Interrupts are off.
void switch_segments(TaskState& from, const TaskState& to);

}  // namespace arch
