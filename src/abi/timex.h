/// adjtimex(2), clock_adjtime(2). Linux: include/uapi/linux/timex.h.
#pragma once

#include "abi/time.h"
#include "abi/types.h"

namespace abi {

/// struct timex.
struct Timex {
    u32 modes = 0;  // ADJ_*
    i32 padding0 = 0;
    i64 offset = 0;    // what is left to slew, in us, or in ns with STA_NANO
    i64 freq = 0;      // of the clock, in 2^-16 parts per million
    i64 maxerror = 0;  // us
    i64 esterror = 0;  // us
    i32 status = 0;    // STA_*
    i32 padding1 = 0;
    i64 constant = 0;  // of the phase-locked loop
    i64 precision = 0;
    i64 tolerance = 0;
    Timeval time = {};  // nanoseconds in `usec` with STA_NANO
    i64 tick = 0;       // us between ticks of kUserHz
    i64 ppsfreq = 0;    // pulses per second: none here, all zero
    i64 jitter = 0;
    i32 shift = 0;
    i32 padding2 = 0;
    i64 stabil = 0, jitcnt = 0, calcnt = 0, errcnt = 0, stbcnt = 0;
    i32 tai = 0;  // TAI - UTC in seconds
    i32 reserved[11] = {};
};
static_assert(sizeof(Timex) == 208);

inline constexpr u32 ADJ_OFFSET = 1, ADJ_FREQUENCY = 2, ADJ_MAXERROR = 4, ADJ_ESTERROR = 8;
inline constexpr u32 ADJ_STATUS = 0x10, ADJ_TIMECONST = 0x20, ADJ_TAI = 0x80, ADJ_SETOFFSET = 0x100;
inline constexpr u32 ADJ_MICRO = 0x1000, ADJ_NANO = 0x2000, ADJ_TICK = 0x4000;
/// adjtime(3) of old: only together with ADJ_OFFSET (then "single shot").
inline constexpr u32 ADJ_ADJTIME = 0x8000, ADJ_OFFSET_SINGLESHOT = 1, ADJ_OFFSET_READONLY = 0x2000;

inline constexpr i32 STA_PLL = 1, STA_PPSFREQ = 2, STA_PPSTIME = 4, STA_FLL = 8, STA_INS = 0x10;
inline constexpr i32 STA_DEL = 0x20, STA_UNSYNC = 0x40, STA_FREQHOLD = 0x80, STA_PPSSIGNAL = 0x100;
inline constexpr i32 STA_PPSJITTER = 0x200, STA_PPSWANDER = 0x400, STA_PPSERROR = 0x800;
inline constexpr i32 STA_CLOCKERR = 0x1000, STA_NANO = 0x2000, STA_MODE = 0x4000, STA_CLK = 0x8000;
/// What adjtimex() may not change.
inline constexpr i32 STA_RONLY = STA_PPSSIGNAL | STA_PPSJITTER | STA_PPSWANDER | STA_PPSERROR |
                                 STA_CLOCKERR | STA_NANO | STA_MODE | STA_CLK;

/// States of the clock: a leap second is none, to be inserted, to be deleted, happening, over;
/// or the clock is not synchronised.
inline constexpr int TIME_OK = 0, TIME_INS = 1, TIME_DEL = 2, TIME_OOP = 3, TIME_WAIT = 4;
inline constexpr int TIME_ERROR = 5;

}  // namespace abi
