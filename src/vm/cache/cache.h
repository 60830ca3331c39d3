/// What the files of vm/cache/ need of each other.
#pragma once

#include "vm/address_space.h"

namespace vm {

void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index);

/// Registers the shrinker.
void init_page_cache();

/// Enters a page cache into the list that the shrinker walks, unless its pages can never be
/// dropped; and takes it out again before it dies.
void remember_space(AddressSpace& space);
void forget_space(AddressSpace& space);

}  // namespace vm
