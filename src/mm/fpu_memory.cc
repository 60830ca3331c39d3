// Memory for the FPU state of user tasks, whose size only the processor knows.

#include "arch/upcalls.h"
#include "lib/string.h"
#include "mm/slab.h"

namespace {

// x87, SSE and AVX: 832 bytes, aligned to 64.
constexpr usize kSlot = 832;
constinit mm::KmemCache fpu_cache("fpu_state", kSlot, 64);

}  // namespace

void* upcall::alloc_fpu_area(usize bytes) {
    ASSERT(bytes <= kSlot);
    Result<void*> area = fpu_cache.alloc(mm::Gfp::Kernel);
    return area.ok() ? area.value() : nullptr;
}

void upcall::free_fpu_area(void* area) { fpu_cache.free(area); }
