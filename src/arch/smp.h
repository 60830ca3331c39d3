/// Starting the other processors.
#pragma once

#include "lib/types.h"

namespace arch {

/// Whether there is RAM below 1 MiB at the place where processors begin.
bool can_start_cpus();

/// Makes the processor with this APIC id run secondary_start() (upcall) as number `cpu`, on the
/// stack that ends at `stack_top`. True once it has reported in; false if it does not answer
/// within about a second; it is then put back into the state of waiting. `gs_base` is its per-CPU
/// offset.
bool start_cpu(unsigned cpu, u32 apic_id, void* stack_top, u64 gs_base);

}  // namespace arch
