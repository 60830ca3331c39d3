/// devices/system/node. Private to fs/sysfs.
#pragma once

#include "fs/libfs/tree.h"

namespace sysfs {

/// Adds the directory to `system`. ENOMEM.
Result<void> add_nodes(libfs::Tree& tree, libfs::Node& system);

}  // namespace sysfs
