#include "vm/tables/tlb_trace.h"

namespace vm {

constexpr trace::Field TlbFlush::kFields[] = {
    TRACE_FIELD(TlbFlush, pages),
    TRACE_FIELD(TlbFlush, reason),
};
TRACE_POINT(TlbFlush);

}  // namespace vm
