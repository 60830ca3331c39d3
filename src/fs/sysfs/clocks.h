/// devices/system/clocksource and devices/system/clockevents. Private to fs/sysfs.
#pragma once

#include "fs/libfs/tree.h"

namespace sysfs {

/// Adds both directories to `system`. ENOMEM.
Result<void> add_clocks(libfs::Tree& tree, libfs::Node& system);

}  // namespace sysfs
