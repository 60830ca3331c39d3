/// Hardware break- and watchpoints of a program: the debug registers that ptrace(2) shows as DR0 to
/// DR7. A task has its own; they are loaded while it runs.
///
/// Only what cannot concern the kernel is ever accepted: addresses of the user half, no I/O
/// breakpoints, no protection of the debug registers themselves.
///
/// See: Intel SDM vol. 3, 18.2.
#pragma once

#include "lib/result.h"
#include "lib/types.h"

namespace arch {

struct DebugRegisters {
    u64 address[4] = {};  // DR0 to DR3
    u64 status = 0;       // what DR6 said at the program's last debug exception
    u64 control = 0;      // DR7
    /// Any breakpoint is enabled.
    bool armed() const { return (control & 0xff) != 0; }
};

/// Bits of DR6.
inline constexpr u64 kDr6Breakpoints = 0xf, kDr6SingleStep = 1 << 14;

/// The value of register `index` as ptrace shows it. EIO: there is no such register (DR4, DR5).
Result<u64> get_debug_register(const DebugRegisters& registers, unsigned index);

/// Sets one of them. EIO: no such register. EINVAL: a breakpoint of the kernel's addresses or of
/// I/O, one that is not aligned to its length, or code of more than one byte; nothing has changed
/// then. The task does not run, or load_debug_registers() follows.
Result<void> set_debug_register(DebugRegisters& registers, unsigned index, u64 value);

/// Whether `status` reports a breakpoint on an instruction, which is told before that has run: RF
/// has to be set so that it can.
bool hit_instruction(const DebugRegisters& registers, u64 status);

/// Loads those of the running task into the processor. Interrupts are off.
void load_debug_registers(const DebugRegisters& registers);

}  // namespace arch
