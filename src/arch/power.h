/// Turning the machine off, and starting it again.
#pragma once

#include <string_view>

#include "lib/types.h"

namespace arch {

/// ACPI sleep state S5; then the shutdown ports of QEMU and Bochs. Returns if nothing worked.
void power_off();

/// The firmware's reset register, the keyboard controller, the chipset; at last a triple fault.
[[noreturn]] void restart();

/// Leaves QEMU with exit code 2 * value + 1 if its debug-exit device is at port 0xf4; otherwise
/// nothing happens.
void debug_exit(u8 value);

/// Last words on COM1, in its registers, without the driver: for when the driver itself is the
/// hole of a lab. Any context; takes no lock, needs nothing, gives up on a line that is stuck.
void emergency_write(std::string_view text);

/// Interrupts off, halted, for ever.
[[noreturn]] void halt_forever();

}  // namespace arch
