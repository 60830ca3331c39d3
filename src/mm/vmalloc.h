/// Memory that is contiguous in addresses but not in frames, with an unmapped guard page behind
/// (and for kernel stacks before) each area; and mappings of device registers.
#pragma once

#include "arch/pte.h"
#include "lib/result.h"
#include "lib/strong.h"

namespace mm {

/// `bytes` rounded up to pages, zeroed. ENOMEM.
Result<void*> vmalloc(usize bytes);
void vfree(void* area);  // null is allowed

/// Forgets the addresses of freed areas now, which otherwise happens many at a time. Interrupts
/// are on.
void purge_vmap_areas();

/// Maps device registers, uncached. The physical range need not be aligned. ENOMEM, EINVAL.
Result<void*> ioremap(PhysAddr at, usize bytes);
void iounmap(void* at);

}  // namespace mm
