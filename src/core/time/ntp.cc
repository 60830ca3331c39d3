// See ntp.h. Fractions of nanoseconds have 32 bits; frequencies in `struct timex` have 16 bits
// below the part per million, so one unit of those is 1000 / 2^16 ns per second.

#include "core/time/ntp.h"

#include "core/time/clock.h"

namespace time {

namespace {

using namespace abi;

constexpr i64 kMaxPhaseNs = 500'000'000;
constexpr i64 kMaxFrequency = i64{500'000} << 32;        // 500 ppm, in 2^-32 ns per second
constexpr i64 kFrequencyUnit = (i64{1000} << 32) >> 16;  // of timex.freq
constexpr i64 kMaxConstant = 10;
constexpr i64 kMinFllSeconds = 256, kMaxPllSeconds = 2048;
constexpr unsigned kPllShift = 2, kFllShift = 2;
constexpr i64 kMaxSlewUs = 500;  // of adjtime(), in a second
constexpr i64 kNominalTickUs = 10'000, kTicksPerSec = kUserHz;
constexpr i64 kMaxTaiOffset = 100'000;
constexpr i64 kSecondsPerDay = 86'400;

i64 limit(i64 value, i64 low, i64 high) { return value < low ? low : value > high ? high : value; }

/// An arithmetic shift that rounds towards zero.
i64 shift_right(i64 value, unsigned bits) { return value < 0 ? -(-value >> bits) : value >> bits; }

}  // namespace

Result<void> Ntp::check(const Timex& timex) {
    if (timex.modes & ADJ_ADJTIME) {
        if (!(timex.modes & ADJ_OFFSET_SINGLESHOT)) return EINVAL;
        return {};
    }
    if (timex.modes & ADJ_TICK) {
        if (timex.tick < kNominalTickUs * 9 / 10 || timex.tick > kNominalTickUs * 11 / 10) {
            return EINVAL;
        }
    }
    if (timex.modes & ADJ_SETOFFSET) {
        const i64 units = timex.modes & ADJ_NANO ? 1'000'000'000 : 1'000'000;
        if (timex.time.usec < 0 || timex.time.usec >= units) return EINVAL;
    }
    if (timex.modes & ADJ_FREQUENCY) {
        constexpr i64 kLimit = (i64{1} << 62) / kFrequencyUnit * 2;
        if (timex.freq > kLimit || timex.freq < -kLimit) return EINVAL;
    }
    return {};
}

void Ntp::clear() {
    adjust_us_ = 0;
    offset_ = 0;
    status_ |= STA_UNSYNC;
    max_error_us_ = est_error_us_ = kPhaseLimitUs;
    rate_ = base_rate_;
}

void Ntp::set_status(i32 status, i64 seconds) {
    if ((status_ & STA_PLL) && !(status & STA_PLL)) {
        state_ = TIME_OK;
        status_ = STA_UNSYNC;
    }
    if (!(status_ & STA_PLL) && (status & STA_PLL)) reference_s_ = seconds;
    status_ = (status_ & STA_RONLY) | (status & ~STA_RONLY);
}

/// After a long time without news the average drift since then tells more than the offset does.
i64 Ntp::frequency_from_fll(i64 offset_ns, i64 elapsed_s) {
    status_ &= ~STA_MODE;
    if (elapsed_s < kMinFllSeconds) return 0;
    if (!(status_ & STA_FLL) && elapsed_s <= kMaxPllSeconds) return 0;
    status_ |= STA_MODE;
    return (offset_ns << (32 - kFllShift)) / elapsed_s;
}

void Ntp::set_offset(i64 offset, i64 seconds) {
    if (!(status_ & STA_PLL)) return;
    i64 offset_ns = offset;
    if (!(status_ & STA_NANO)) offset_ns = limit(offset, -1'000'000, 1'000'000) * 1000;
    offset_ns = limit(offset_ns, -kMaxPhaseNs, kMaxPhaseNs);

    i64 elapsed_s = status_ & STA_FREQHOLD ? 0 : seconds - reference_s_;
    reference_s_ = seconds;
    i64 change = frequency_from_fll(offset_ns, elapsed_s);
    // The loop must stay stable when news come rarer than its time constant expects.
    elapsed_s = limit(elapsed_s, 0, i64{1} << (kPllShift + 1 + constant_));
    change += offset_ns * elapsed_s * (i64{1} << (32 - 2 * (kPllShift + 2 + unsigned(constant_))));
    frequency_ = limit(frequency_ + change, -kMaxFrequency, kMaxFrequency);
    offset_ = offset_ns * (i64{1} << 32);
}

void Ntp::adjust_modes(const Timex& timex, i64 seconds, i32& tai_s) {
    if (timex.modes & ADJ_STATUS) set_status(timex.status, seconds);
    if (timex.modes & ADJ_NANO) status_ |= STA_NANO;
    if (timex.modes & ADJ_MICRO) status_ &= ~STA_NANO;
    if (timex.modes & ADJ_FREQUENCY) {
        const i64 freq = limit(timex.freq, -(i64{500} << 16), i64{500} << 16);
        frequency_ = freq * kFrequencyUnit;
    }
    if (timex.modes & ADJ_MAXERROR) max_error_us_ = timex.maxerror;
    if (timex.modes & ADJ_ESTERROR) est_error_us_ = timex.esterror;
    if (timex.modes & ADJ_TIMECONST) {
        constant_ = limit(timex.constant, 0, kMaxConstant);
        if (!(status_ & STA_NANO)) constant_ = limit(constant_ + 4, 0, kMaxConstant);
    }
    if (timex.modes & ADJ_TAI && timex.constant >= 0 && timex.constant <= kMaxTaiOffset) {
        tai_s = i32(timex.constant);
    }
    if (timex.modes & ADJ_OFFSET) set_offset(timex.offset, seconds);
    if (timex.modes & ADJ_TICK) tick_us_ = timex.tick;
    if (timex.modes & (ADJ_TICK | ADJ_FREQUENCY | ADJ_OFFSET)) {
        const i64 before = base_rate_;
        base_rate_ = (((tick_us_ - kNominalTickUs) * kTicksPerSec * 1000) << 32) + frequency_;
        rate_ += base_rate_ - before;
    }
}

bool Ntp::is_error() const { return status_ & (STA_UNSYNC | STA_CLOCKERR); }

void Ntp::answer(Timex& timex) const {
    timex.freq = frequency_ / kFrequencyUnit;
    timex.maxerror = max_error_us_;
    timex.esterror = est_error_us_;
    timex.status = status_;
    timex.constant = constant_;
    timex.precision = 1;
    timex.tolerance = i64{500} << 16;
    timex.tick = tick_us_;
    timex.ppsfreq = timex.jitter = timex.stabil = 0;
    timex.shift = 0;
    timex.jitcnt = timex.calcnt = timex.errcnt = timex.stbcnt = 0;
}

int Ntp::adjust(Timex& timex, i64 seconds, i32& tai_s) {
    if (timex.modes & ADJ_ADJTIME) {
        const i64 left = adjust_us_;
        if (!(timex.modes & ADJ_OFFSET_READONLY)) adjust_us_ = timex.offset;
        timex.offset = left;
    } else {
        if (timex.modes != 0) adjust_modes(timex, seconds, tai_s);
        timex.offset = shift_right(offset_, 32);
        if (!(status_ & STA_NANO)) timex.offset /= 1000;
    }
    answer(timex);
    timex.tai = tai_s;
    return is_error() ? TIME_ERROR : state_;
}

/// Leap seconds are announced by status bits and happen at the end of a UTC day.
int Ntp::leap(i64 seconds, i32& tai_s) {
    const i64 in_day = seconds % kSecondsPerDay;
    switch (state_) {
    case TIME_OK:
        if (status_ & STA_INS) {
            state_ = TIME_INS;
        } else if (status_ & STA_DEL) {
            state_ = TIME_DEL;
        }
        return 0;
    case TIME_INS:
        if (!(status_ & STA_INS)) {
            state_ = TIME_OK;
        } else if (in_day == 0) {
            state_ = TIME_OOP;
            tai_s++;
            return -1;
        }
        return 0;
    case TIME_DEL:
        if (!(status_ & STA_DEL)) {
            state_ = TIME_OK;
        } else if (in_day == kSecondsPerDay - 1) {
            state_ = TIME_WAIT;
            tai_s--;
            return 1;
        }
        return 0;
    case TIME_OOP: state_ = TIME_WAIT; return 0;
    default:
        if (!(status_ & (STA_INS | STA_DEL))) state_ = TIME_OK;
        return 0;
    }
}

/// The part of the offsets that this second is to correct.
void Ntp::slew() {
    const i64 chunk = shift_right(offset_, kPllShift + unsigned(constant_));
    offset_ -= chunk;
    const i64 step_us = limit(adjust_us_, -kMaxSlewUs, kMaxSlewUs);
    adjust_us_ -= step_us;
    rate_ = base_rate_ + chunk + ((step_us * 1000) << 32);
}

int Ntp::second_overflow(i64 seconds, i32& tai_s) {
    const int step = leap(seconds, tai_s);
    max_error_us_ += 500;  // what a clock off by the greatest frequency gains
    if (max_error_us_ > kPhaseLimitUs) {
        max_error_us_ = kPhaseLimitUs;
        status_ |= STA_UNSYNC;
    }
    slew();
    return step;
}

}  // namespace time
