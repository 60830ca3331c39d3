/// Returning to a stack of 16 bits without telling what the kernel's stack pointer was. Private to
/// arch/x86_64.
///
/// A program may make itself a stack segment of 16 bits (modify_ldt). IRET to such a segment loads
/// the lower 16 bits of the stack pointer and leaves the others as they are: as the kernel had
/// them. So the last IRET is done on a tiny stack of the processor's own (espfix_stacks), which
/// stands at 65536 addresses 64 KiB apart: there is one whose bits 16 to 31 are those of the
/// program's stack pointer.
///
/// These addresses are read-only. If the IRET fails, the processor cannot push a frame there, and
/// the double fault has a stack of its own; nothing of what the program shall get is overwritten.
///
/// Linux: arch/x86/kernel/espfix_64.c. See: Intel SDM vol. 3, 6.14.3 and vol. 2, IRET.
#pragma once

#include "arch/percpu.h"
#include "arch/trap_frame.h"
#include "arch/x86_64/boot/early_map.h"

namespace arch {

// Per-CPU, used by trap_entry.S: this processor's stack in the mapping of the kernel image, and the
// first of its read-only addresses.
extern "C" u64 espfix_writable;
extern "C" u64 espfix_address;

/// Maps the tiny stacks of all processors at all their addresses. ENOMEM from `alloc`.
Result<void> map_espfix(PageTable& root, TableAlloc alloc);

/// Sets the two for processor `cpu`, which runs.
void init_espfix(unsigned cpu);

/// If `frame` is the double fault that comes of an IRET that failed there: makes it return as if
/// the program itself had raised a general protection, on the task's stack, and yields true.
bool recover_from_espfix(TrapFrame& frame);

}  // namespace arch
