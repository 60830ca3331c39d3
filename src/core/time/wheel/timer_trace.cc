#include "core/time/wheel/timer_trace.h"

namespace time {

constexpr trace::Field TimerStart::kFields[] = {
    TRACE_FIELD_HEX(TimerStart, timer), TRACE_FIELD_HEX(TimerStart, function),
    TRACE_FIELD(TimerStart, expires),   TRACE_FIELD(TimerStart, now),
    TRACE_FIELD(TimerStart, flags),
};
TRACE_POINT(TimerStart);

constexpr trace::Field TimerExpireEntry::kFields[] = {
    TRACE_FIELD_HEX(TimerExpireEntry, timer),
    TRACE_FIELD(TimerExpireEntry, now),
    TRACE_FIELD_HEX(TimerExpireEntry, function),
    TRACE_FIELD(TimerExpireEntry, baseclk),
};
TRACE_POINT(TimerExpireEntry);

constexpr trace::Field TimerExpireExit::kFields[] = {TRACE_FIELD_HEX(TimerExpireExit, timer)};
TRACE_POINT(TimerExpireExit);

constexpr trace::Field TimerCancel::kFields[] = {TRACE_FIELD_HEX(TimerCancel, timer)};
TRACE_POINT(TimerCancel);

}  // namespace time
