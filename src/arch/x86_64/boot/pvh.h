/// QEMU's way in. Private to arch/x86_64.
#pragma once

#include "arch/boot_info.h"

namespace arch {

inline constexpr u32 kPvhMagic = 0x336ec578;
inline constexpr u32 kMultiboot2Magic = 0x36d76289;

/// Reads the PVH start information at `info`. EINVAL if it is not one, or older than version 1.
Result<void> parse_pvh(PhysAddr info, BootInfo& out);

}  // namespace arch
