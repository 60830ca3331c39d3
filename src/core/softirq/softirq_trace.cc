#include "core/softirq/softirq_trace.h"

namespace softirq {

constexpr trace::Field SoftirqRaise::kFields[] = {TRACE_FIELD(SoftirqRaise, vec)};
constexpr trace::Field SoftirqEntry::kFields[] = {TRACE_FIELD(SoftirqEntry, vec)};
constexpr trace::Field SoftirqExit::kFields[] = {TRACE_FIELD(SoftirqExit, vec)};
TRACE_POINT(SoftirqRaise);
TRACE_POINT(SoftirqEntry);
TRACE_POINT(SoftirqExit);

}  // namespace softirq
