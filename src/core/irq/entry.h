/// Entering and leaving interrupts: the interrupt stack, counts, and the time they take.
#pragma once

#include "core/irq/irq.h"

namespace irq {

/// Whether `at` lies on this processor's interrupt stack.
bool on_irq_stack(const void* at);

/// How long a processor has been in interrupt handlers, softirqs not included.
u64 time_ns(unsigned cpu);

// Counts, for /proc.
void count_vector(unsigned vector);  // one that does not come through device_interrupt()
u32 vector_count(unsigned vector, unsigned cpu);
u64 total_interrupts(unsigned cpu);
u32 interrupt_errors();                    // stray vectors
const char* vector_name(unsigned vector);  // of a system vector; null: nobody has it

}  // namespace irq
