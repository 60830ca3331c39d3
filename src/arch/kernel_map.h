/// The kernel's own page tables, for those who add to them.
#pragma once

#include "arch/pte.h"

namespace arch {

PageTable& kernel_page_table();

/// Forgets all translations of this processor, global ones included.
void flush_tlb_all();

}  // namespace arch
