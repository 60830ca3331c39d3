// The battery-backed clock: seconds to years in registers of the CMOS, in BCD or binary.
// See: MC146818A data sheet.

#include "arch/clock.h"

#include <initializer_list>

#include "arch/cpu.h"

namespace arch {

namespace {

u8 read_cmos(u8 reg) {
    outb(0x70, reg);
    return inb(0x71);
}

struct CmosTime {
    u8 second, minute, hour, day, month, year, century;
    bool operator==(const CmosTime&) const = default;
};

CmosTime read_once() {
    constexpr u8 kStatusA = 0x0a, kUpdating = 0x80;
    for (unsigned i = 0; i < 100'000 && (read_cmos(kStatusA) & kUpdating); i++) cpu_relax();
    return {read_cmos(0), read_cmos(2), read_cmos(4),   read_cmos(7),
            read_cmos(8), read_cmos(9), read_cmos(0x32)};
}

u8 from_bcd(u8 value) { return u8((value >> 4) * 10 + (value & 15)); }

/// Days from 1970-01-01 to the given day of the Gregorian calendar.
i64 days_since_epoch(i64 year, unsigned month, unsigned day) {
    // Count years from March, so that the leap day is the last of its year.
    if (month <= 2) year--;
    const unsigned months_from_march = (month + 9) % 12;
    const i64 day_of_year = (153 * months_from_march + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719'468;
}

}  // namespace

u64 read_cmos_seconds() {
    CmosTime t = read_once();
    for (unsigned tries = 0; tries < 10; tries++) {  // twice the same: not read during an update
        const CmosTime again = read_once();
        if (again == t) break;
        t = again;
    }
    const u8 status_b = read_cmos(0x0b);
    const bool pm = t.hour & 0x80;
    t.hour &= 0x7f;
    if (!(status_b & 4)) {
        for (u8* field : {&t.second, &t.minute, &t.hour, &t.day, &t.month, &t.year, &t.century}) {
            *field = from_bcd(*field);
        }
    }
    if (!(status_b & 2)) t.hour = u8(t.hour % 12 + (pm ? 12 : 0));
    const unsigned century = t.century >= 19 && t.century <= 21 ? t.century : 20;
    const i64 days = days_since_epoch(century * 100 + t.year, t.month, t.day);
    return u64(days * 86'400 + t.hour * 3'600 + t.minute * 60 + t.second);
}

}  // namespace arch
