/// [vdso] and [vvar]: code and data of the kernel that every program finds in its address space.
/// Linux: arch/x86/entry/vdso/vma.c. The code itself: src/vdso/.
#pragma once

#include "process/exec/exec.h"

namespace process {

/// Makes the pages. Boot, once; not called with vdso=0. ENOMEM.
Result<void> init_vdso();

/// Maps both into the address space that is being built, and sets bprm.vdso; nothing without
/// init_vdso(). ENOMEM.
Result<void> map_vdso(BinPrm& bprm);

}  // namespace process
