/// Bringing the devices to life: the one call from the boot list.
#pragma once

#include <string_view>

namespace drivers {

/// Registers all devices. `console` is the last console= of the command line ("ttyS0,115200"; an
/// empty one means the first serial port): /dev/console leads there. Failures are reported and
/// the device left out. Boot, when interrupts, memory and the VFS work.
void init(std::string_view console);

}  // namespace drivers
