/// Building the kernel's page tables. Private to arch/x86_64, the probes excepted.
#pragma once

#include "arch/pte.h"
#include "lib/result.h"

namespace arch {

inline constexpr u64 kLargePage = 2 << 20;

struct Mapping {
    VirtAddr va;
    PhysAddr pa;
    u64 bytes;
    u64 flags;  // of the last entries: Pte::k…
};

/// Yields the address of a zeroed frame in the direct map, or ENOMEM.
using TableAlloc = Result<PhysAddr> (*)();

unsigned table_index(VirtAddr va, unsigned level);
Result<PageTable*> table_below(Pte& entry, TableAlloc alloc);
Result<void> map_region(PageTable& root, const Mapping& mapping, TableAlloc alloc);

extern constinit PageTable kernel_pml4;

}  // namespace arch
