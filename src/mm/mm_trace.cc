#include "mm/mm_trace.h"

namespace mm {

constexpr trace::Field MmPageAlloc::kFields[] = {
    TRACE_FIELD(MmPageAlloc, pfn),
    TRACE_FIELD(MmPageAlloc, order),
    TRACE_FIELD_HEX(MmPageAlloc, gfp_flags),
};
TRACE_POINT(MmPageAlloc);

constexpr trace::Field MmPageFree::kFields[] = {
    TRACE_FIELD(MmPageFree, pfn),
    TRACE_FIELD(MmPageFree, order),
};
TRACE_POINT(MmPageFree);

constexpr trace::Field KmemCacheAlloc::kFields[] = {
    TRACE_FIELD(KmemCacheAlloc, name),          TRACE_FIELD_HEX(KmemCacheAlloc, ptr),
    TRACE_FIELD(KmemCacheAlloc, bytes_req),     TRACE_FIELD(KmemCacheAlloc, bytes_alloc),
    TRACE_FIELD_HEX(KmemCacheAlloc, gfp_flags),
};
TRACE_POINT(KmemCacheAlloc);

constexpr trace::Field KmemCacheFree::kFields[] = {
    TRACE_FIELD(KmemCacheFree, name),
    TRACE_FIELD_HEX(KmemCacheFree, ptr),
};
TRACE_POINT(KmemCacheFree);

}  // namespace mm
