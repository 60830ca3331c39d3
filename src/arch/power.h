/// Turning the machine off, and starting it again.
#pragma once

#include "lib/types.h"

namespace arch {

/// ACPI sleep state S5; then the shutdown ports of QEMU and Bochs. Returns if nothing worked.
void power_off();

/// The firmware's reset register, the keyboard controller, the chipset; at last a triple fault.
[[noreturn]] void restart();

/// Leaves QEMU with exit code 2 * value + 1 if its debug-exit device is at port 0xf4; otherwise
/// nothing happens.
void debug_exit(u8 value);

/// Interrupts off, halted, for ever.
[[noreturn]] void halt_forever();

}  // namespace arch
