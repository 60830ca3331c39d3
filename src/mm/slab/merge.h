/// Which caches may share their slabs: one with room for both kinds of objects is filled better
/// than two. Linux: find_mergeable() in mm/slab_common.c.
#pragma once

#include "mm/slab/layout.h"

namespace mm {

/// Whether caches are merged at all; slab_nomerge on the command line.
extern constinit bool slab_merging;

/// The cache of the list from `caches` on whose slots serve for `wanted` as well; null if none
/// does.
KmemCache* find_mergeable(KmemCache* caches, const KmemCache& wanted, const SlabLayout& layout);

}  // namespace mm
