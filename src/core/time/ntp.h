/// The clock discipline of NTP: a state machine that is told what adjtimex(2) wants, and tells at
/// the end of each second how fast the next one is to run, and whether it is a leap second.
/// Pure arithmetic: no clock is read and no lock is taken here. See: RFC 5905; RFC 1589 for the
/// model with its phase- and frequency-locked loop. Linux: kernel/time/ntp.c.
#pragma once

#include "abi/timex.h"
#include "lib/result.h"
#include "lib/types.h"

namespace time {

class Ntp {
public:
    /// Whether `timex` could be obeyed; EINVAL if a value is out of range.
    static Result<void> check(const abi::Timex& timex);

    /// Obeys `timex` at the wall-clock time `seconds`, and fills in its answers but the time.
    /// `tai_s` is TAI - UTC, and may be changed. Returns the state of the clock.
    int adjust(abi::Timex& timex, i64 seconds, i32& tai_s);

    /// The wall clock has arrived at `seconds`, a whole second. Returns by how much it is to be
    /// set: -1: the second that was over is lived once more; 1: this one is skipped.
    int second_overflow(i64 seconds, i32& tai_s);

    /// The wall clock was set: forget what was being corrected.
    void clear();

    /// By how much more than a nanosecond a nanosecond is to last: in 2^-32 ns per second.
    i64 rate() const { return rate_; }

    /// Whether the ends of the coming seconds matter.
    bool is_busy() const {
        const bool has_offset = offset_ >> 32 != 0 && -offset_ >> 32 != 0;  // a nanosecond or more
        return has_offset || adjust_us_ != 0 || state_ != abi::TIME_OK ||
               (status_ & (abi::STA_INS | abi::STA_DEL));
    }

private:
    void set_status(i32 status, i64 seconds);
    void set_offset(i64 offset, i64 seconds);
    i64 frequency_from_fll(i64 offset_ns, i64 elapsed_s);
    void adjust_modes(const abi::Timex& timex, i64 seconds, i32& tai_s);
    void answer(abi::Timex& timex) const;
    int leap(i64 seconds, i32& tai_s);
    void slew();
    bool is_error() const;

    int state_ = abi::TIME_OK;
    i32 status_ = abi::STA_UNSYNC;
    i64 offset_ = 0;  // still to be slewed away by the loop, in 2^-32 ns
    i64 constant_ = 2;
    i64 max_error_us_ = kPhaseLimitUs, est_error_us_ = kPhaseLimitUs;
    i64 frequency_ = 0;     // in 2^-32 ns per second
    i64 reference_s_ = 0;   // when the offset was told last
    i64 adjust_us_ = 0;     // still to be slewed away for adjtime()
    i64 tick_us_ = 10'000;  // nominal
    i64 base_rate_ = 0;     // of frequency_ and tick_us_
    i64 rate_ = 0;          // with what is slewed in this second

    static constexpr i64 kPhaseLimitUs = 16'000'000;
};

}  // namespace time
