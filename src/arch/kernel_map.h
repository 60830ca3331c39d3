/// The kernel's own page tables, for those who add to them.
#pragma once

#include "arch/pte.h"

namespace arch {

PageTable& kernel_page_table();

/// Takes [__init_begin, __init_end) out of the kernel image's mapping: code that is called after
/// its time faults instead of running what lies there then.
void unmap_init_memory();

/// Forgets all translations of this processor, global ones included.
void flush_tlb_all();

}  // namespace arch
