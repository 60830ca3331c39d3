/// /sys/kernel/mm/transparent_hugepage.
#pragma once

#include "fs/libfs/tree.h"

namespace sysfs {

/// Adds mm/transparent_hugepage below the node of /sys/kernel. ENOMEM.
Result<void> add_huge_pages(libfs::Tree& tree, libfs::Node& kernel);

}  // namespace sysfs
