#include "core/time/hrtimer_trace.h"

namespace time {

constexpr trace::Field HrTimerStart::kFields[] = {
    TRACE_FIELD_HEX(HrTimerStart, hrtimer), TRACE_FIELD_HEX(HrTimerStart, function),
    TRACE_FIELD(HrTimerStart, expires),     TRACE_FIELD(HrTimerStart, softexpires),
    TRACE_FIELD(HrTimerStart, mode),
};
TRACE_POINT(HrTimerStart);

constexpr trace::Field HrTimerExpireEntry::kFields[] = {
    TRACE_FIELD_HEX(HrTimerExpireEntry, hrtimer),
    TRACE_FIELD(HrTimerExpireEntry, now),
    TRACE_FIELD_HEX(HrTimerExpireEntry, function),
};
TRACE_POINT(HrTimerExpireEntry);

constexpr trace::Field HrTimerExpireExit::kFields[] = {TRACE_FIELD_HEX(HrTimerExpireExit, hrtimer)};
TRACE_POINT(HrTimerExpireExit);

constexpr trace::Field HrTimerCancel::kFields[] = {TRACE_FIELD_HEX(HrTimerCancel, hrtimer)};
TRACE_POINT(HrTimerCancel);

}  // namespace time
