/// The devices of major 1: mem, null, zero, full, random, urandom, kmsg. They need no hardware.
#pragma once

#include "lib/result.h"
#include "lib/types.h"

namespace mem {

inline constexpr u32 kMajor = 1;

/// Registers all of them. Boot, after fs. EBUSY, ENOMEM.
Result<void> init();

Result<void> register_dev_mem();         // dev_mem.cc
Result<void> register_mem_devices();     // mem_devices.cc
Result<void> register_random_devices();  // random_devices.cc
Result<void> register_kmsg();            // kmsg.cc

}  // namespace mem
