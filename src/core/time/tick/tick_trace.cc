#include "core/time/tick/tick_trace.h"

namespace time {

constexpr trace::Field TickStop::kFields[] = {TRACE_FIELD(TickStop, success),
                                              TRACE_FIELD(TickStop, dependency)};
TRACE_POINT(TickStop);

}  // namespace time
