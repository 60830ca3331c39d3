/// devices/system/node. Private to fs/sysfs.
#pragma once

#include "fs/libfs/tree.h"

namespace sysfs {

/// Adds the directory to `system`. ENOMEM.
Result<void> add_nodes(libfs::Tree& tree, libfs::Node& system);

/// A set as ranges and a newline: "0-3", "0,2-3". sysfs.cc
void print_mask(libfs::SeqFile& out, u64 bits);

}  // namespace sysfs
