// host-test
// host-sources: core/time/ntp.cc
// The clock discipline, second by second.

#include "core/time/ntp.h"

#include "lib/test.h"

namespace time {

namespace {

using namespace abi;

constexpr i64 kPpm = i64{1000} << 32;  // in units of rate()
constexpr i64 kMidnight = 86'400 * 20'000;

int tell(Ntp& ntp, Timex timex, i64 seconds = 1000) {
    i32 tai_s = 0;
    return ntp.adjust(timex, seconds, tai_s);
}

/// Out of line: a frame holds few of these structures.
[[gnu::noinline]] i64 rate_with(i64 freq_ppm, i64 tick) {
    Ntp ntp;
    tell(ntp, {.modes = ADJ_FREQUENCY | ADJ_TICK, .freq = freq_ppm << 16, .tick = tick});
    return ntp.rate();
}

}  // namespace

TEST(fresh_clock_is_unsynchronised, "core.time.ntp.fresh") {
    Ntp ntp;
    Timex timex{};
    i32 tai_s = 37;
    EXPECT_EQ(ntp.adjust(timex, 1000, tai_s), TIME_ERROR);
    EXPECT_EQ(timex.status, STA_UNSYNC);
    EXPECT_EQ(timex.tick, 10'000);
    EXPECT_EQ(timex.freq, 0);
    EXPECT_EQ(timex.constant, 2);
    EXPECT_EQ(timex.precision, 1);
    EXPECT_EQ(timex.tolerance, 32'768'000);
    EXPECT_EQ(timex.tai, 37);
    EXPECT_EQ(ntp.rate(), 0);
}

TEST(frequency_and_tick_set_the_rate, "core.time.ntp.rate") {
    EXPECT_EQ(rate_with(100, 10'000), 100 * kPpm);
    EXPECT_EQ(rate_with(600, 10'000), 500 * kPpm);  // more than may be
    EXPECT_EQ(rate_with(-600, 10'000), -500 * kPpm);
    EXPECT_EQ(rate_with(0, 10'001), 100 * kPpm);
    EXPECT_EQ(rate_with(-50, 10'002), 150 * kPpm);
}

TEST(ticks_out_of_range_are_refused, "core.time.ntp.check_tick") {
    EXPECT(!Ntp::check({.modes = ADJ_TICK, .tick = 8'999}).ok());
    EXPECT(Ntp::check({.modes = ADJ_TICK, .tick = 9'000}).ok());
    EXPECT(!Ntp::check({.modes = ADJ_TICK, .tick = 11'001}).ok());
}

TEST(other_values_out_of_range_are_refused, "core.time.ntp.check") {
    Timex timex{.modes = ADJ_SETOFFSET, .time = {0, -1}};
    EXPECT(!Ntp::check(timex).ok());
    timex.time = {0, 1'000'000};
    EXPECT(!Ntp::check(timex).ok());
    timex = {.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {-5, 999'999'999}};
    EXPECT(Ntp::check(timex).ok());
    timex = {.modes = ADJ_ADJTIME};
    EXPECT(!Ntp::check(timex).ok());
    timex = {.modes = ADJ_FREQUENCY, .freq = i64(~u64{0} >> 1)};
    EXPECT(!Ntp::check(timex).ok());
}

TEST(adjtime_slews_half_a_millisecond_a_second, "core.time.ntp.adjtime") {
    Ntp ntp;
    i32 tai_s = 0;
    tell(ntp, {.modes = ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT, .offset = 1200});
    for (i64 want : {500, 500, 200, 0}) {
        EXPECT_EQ(ntp.second_overflow(1001, tai_s), 0);
        EXPECT_EQ(ntp.rate(), want * kPpm);  // a microsecond a second
    }
    EXPECT(!ntp.is_busy());
    tell(ntp, {.modes = ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT, .offset = -700});
    ntp.second_overflow(1002, tai_s);
    Timex look{.modes = ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT | ADJ_OFFSET_READONLY};
    ntp.adjust(look, 1002, tai_s);
    EXPECT_EQ(look.offset, -200);
    EXPECT_EQ(ntp.rate(), -500 * kPpm);
}

TEST(loop_slews_offset_away, "core.time.ntp.offset") {
    Ntp ntp;
    i32 tai_s = 0;
    tell(ntp, {.modes = ADJ_STATUS | ADJ_NANO | ADJ_MAXERROR, .status = STA_PLL});
    tell(ntp, {.modes = ADJ_TIMECONST | ADJ_OFFSET, .offset = 1'000'000, .constant = 0});
    i64 corrected = 0;
    for (i64 second = 1001; second < 1100 && ntp.is_busy(); second++) {
        ntp.second_overflow(second, tai_s);
        corrected += ntp.rate();
    }
    EXPECT(corrected > i64{999'000} << 32 && corrected < i64{1'001'000} << 32);
    Timex look{};
    ntp.adjust(look, 1100, tai_s);
    EXPECT(look.offset < 10);
    EXPECT_EQ(look.status, STA_PLL | STA_NANO);
}

TEST(leap_second_is_inserted, "core.time.ntp.insert") {
    Ntp ntp;
    i32 tai_s = 37;
    tell(ntp, {.modes = ADJ_STATUS | ADJ_MAXERROR, .status = STA_INS});
    EXPECT_EQ(ntp.second_overflow(kMidnight - 2, tai_s), 0);
    EXPECT_EQ(tell(ntp, {}), TIME_INS);
    EXPECT_EQ(ntp.second_overflow(kMidnight - 1, tai_s), 0);
    EXPECT_EQ(ntp.second_overflow(kMidnight, tai_s), -1);
    EXPECT_EQ(tai_s, 38);
    EXPECT_EQ(tell(ntp, {}), TIME_OOP);
    EXPECT_EQ(ntp.second_overflow(kMidnight, tai_s), 0);
    EXPECT_EQ(tell(ntp, {}), TIME_WAIT);
    tell(ntp, {.modes = ADJ_STATUS, .status = 0});
    EXPECT_EQ(ntp.second_overflow(kMidnight + 1, tai_s), 0);
    EXPECT_EQ(tell(ntp, {}), TIME_OK);
    EXPECT_EQ(tai_s, 38);
}

TEST(leap_second_is_deleted, "core.time.ntp.delete") {
    Ntp ntp;
    i32 tai_s = 37;
    tell(ntp, {.modes = ADJ_STATUS, .status = STA_DEL});
    EXPECT_EQ(ntp.second_overflow(kMidnight - 3, tai_s), 0);
    EXPECT_EQ(ntp.second_overflow(kMidnight - 2, tai_s), 0);
    EXPECT_EQ(ntp.second_overflow(kMidnight - 1, tai_s), 1);
    EXPECT_EQ(tai_s, 36);
}

TEST(silence_makes_it_unsynchronised, "core.time.ntp.silence") {
    Ntp ntp;
    i32 tai_s = 0;
    tell(ntp, {.modes = ADJ_STATUS | ADJ_MAXERROR, .maxerror = 15'999'000, .status = STA_PLL});
    EXPECT_EQ(tell(ntp, {}), TIME_OK);
    for (i64 second = 0; second < 3; second++) ntp.second_overflow(second, tai_s);
    Timex look{};
    EXPECT_EQ(ntp.adjust(look, 3, tai_s), TIME_ERROR);
    EXPECT_EQ(look.maxerror, 16'000'000);
}

}  // namespace time
