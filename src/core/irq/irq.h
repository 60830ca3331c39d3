/// Interrupts from devices: who wants which line, and what happens when it fires.
/// Linux: kernel/irq/.
///
/// Lines are numbered as the ISA bus does (4 = COM1); the firmware's overrides say to which input
/// of which I/O APIC a line leads. Handlers run with interrupts off on the processor that took the
/// interrupt, and must not sleep.
#pragma once

#include "arch/trap_frame.h"
#include "lib/result.h"
#include "lib/types.h"

namespace irq {

/// One who listens to a line. Several may share it. Lives as long as it is registered.
struct IrqHandler {
    const char* name;
    bool (*handle)(void* context);  // true: the interrupt was ours
    void* context;
    IrqHandler* next = nullptr;
};

/// Connects the handler and, if it is the first, routes and unmasks the line. EINVAL: no such
/// line; ENXIO: no I/O APIC has it.
Result<void> request_irq(unsigned line, IrqHandler& handler);
void free_irq(unsigned line, IrqHandler& handler);

/// Calls `handle(frame)` for a vector that is not a device line (timer, IPIs). Boot only.
void set_vector_handler(unsigned vector, void (*handle)(arch::TrapFrame& frame), const char* name);

/// The registers that the innermost interrupt on this processor interrupted; null outside one.
const arch::TrapFrame* current_frame();

/// For /proc/interrupts: every line and vector in use.
struct IrqInfo {
    char label[8];     // "4", "LOC"
    const char* chip;  // "IO-APIC", "" for local vectors
    const char* name;  // of the (first) handler
    unsigned vector;
};
/// False if there is no entry number `index`.
bool irq_info(unsigned index, IrqInfo& info);
u64 vector_count(unsigned vector, unsigned cpu);
u64 total_interrupts();
u64 spurious_interrupts();

/// Maps and enables the interrupt controllers. `map` is mm::ioremap.
void init(Result<void*> (*map)(PhysAddr at, usize bytes));

}  // namespace irq
