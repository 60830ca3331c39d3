/// What the files of vm/cache/ need of each other.
#pragma once

#include "vm/address_space.h"

namespace vm {

/// Where the nodes of page caches and of the swap cache come from.
extern const XaNodeSource page_tree_nodes;

void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index);

/// Drops all clean pages of files that nobody uses; returns how many. May sleep.
u64 drop_page_cache();

/// Enters a page cache into the list that drop_page_cache() walks, unless its pages can never be
/// dropped; and takes it out again before it dies.
void remember_space(AddressSpace& space);
void forget_space(AddressSpace& space);

}  // namespace vm
