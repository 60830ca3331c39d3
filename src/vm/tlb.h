/// TLB shootdown: after an entry became weaker, no processor may go on using the old one.
#pragma once

#include "vm/mm_struct.h"

namespace vm {

/// Makes every processor that has `mm` loaded forget its translations of [start, end). Returns
/// when they have. Interrupts must be on, or the caller alone; no spin lock that interrupt
/// handlers or other flushers take may be held (the page-table lock may).
void flush_tlb_range(MmStruct& mm, VirtAddr start, VirtAddr end);

/// The same for kernel addresses, on all processors.
void flush_tlb_kernel_range(VirtAddr start, VirtAddr end);

}  // namespace vm
