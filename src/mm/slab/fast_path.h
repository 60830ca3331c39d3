/// The fast path: taking an object from this processor's freelist, or putting it back, without a
/// lock and with interrupts on. Linux: slab_alloc_node() and do_slab_free() in mm/slub.c.
///
/// How it is safe: the new head of the list is computed from what was read before, so in between
/// nothing may have changed: no interrupt that allocated, no other task, no other processor after a
/// migration. One compare-and-exchange of the head *and* of the transaction id proves it. The head
/// alone would not do (ABA): an interrupt may take A and B and give A back, and the head is A
/// again, but what follows it is not what we read.
#pragma once

#include "mm/slab/internal.h"

namespace mm {

/// Puts the chain from `head` to `tail` back, all of them objects of `slab`. False: this processor
/// does not hand out from that slab (or it is not one of this cache's), take the slow path.
bool put_chain_fast(KmemCache& cache, Page& slab, void* head, void* tail, u32 how_many);

}  // namespace mm
