/// Memory that is contiguous in addresses but not in frames, with an unmapped guard page behind
/// (and for kernel stacks before) each area; and mappings of device registers.
#pragma once

#include <span>

#include "arch/pte.h"
#include "lib/result.h"
#include "lib/strong.h"

namespace mm {

struct Page;

/// `bytes` rounded up to pages, zeroed. ENOMEM.
Result<void*> vmalloc(usize bytes);
void vfree(void* area);  // null is allowed
bool is_vmalloc_address(const void* at);

/// Maps these pages, which stay the caller's, one behind the other. ENOMEM.
Result<void*> vmap(std::span<Page* const> pages);
void vunmap(void* at);  // null is allowed

/// Forgets the addresses of freed areas now, which otherwise happens many at a time. Interrupts
/// are on.
void purge_vmap_areas();

/// Maps device registers, uncached. The physical range need not be aligned. ENOMEM, EINVAL.
Result<void*> ioremap(PhysAddr at, usize bytes);
void iounmap(void* at);

enum class VmapKind : u8 { Vmalloc, Vmap, Ioremap };

/// An area, for /proc/vmallocinfo.
struct VmapInfo {
    VirtAddr start;
    u64 bytes;  // guard page included
    u64 pages;
    VmapKind kind;
    bool is_dead;  // freed; its address is not yet forgotten by all processors
    u64 caller;
    PhysAddr phys;  // Ioremap
};
/// The first area that begins at `from` or later; false if there is none.
bool next_vmap_area(VirtAddr from, VmapInfo& out);

}  // namespace mm
