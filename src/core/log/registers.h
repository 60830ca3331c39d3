/// The state of interrupted code, for reports.
#pragma once

#include "arch/trap_frame.h"

void print_registers(const arch::TrapFrame& frame);

/// The bytes around `rip`, that one in angle brackets. Reads whatever may be read there.
void print_code(u64 rip);
