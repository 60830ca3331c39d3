#include "core/lock/lock_trace.h"

namespace lock_stat {

constexpr trace::Field ContentionBegin::kFields[] = {
    TRACE_FIELD_HEX(ContentionBegin, lock_addr),
    TRACE_FIELD(ContentionBegin, flags),
};
TRACE_POINT(ContentionBegin);

constexpr trace::Field ContentionEnd::kFields[] = {
    TRACE_FIELD_HEX(ContentionEnd, lock_addr),
    TRACE_FIELD(ContentionEnd, ret),
};
TRACE_POINT(ContentionEnd);

}  // namespace lock_stat
