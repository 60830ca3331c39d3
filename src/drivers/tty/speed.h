/// Line speeds: from the codes in c_cflag to bits per second.
#pragma once

#include "abi/termios.h"

namespace tty {

/// Bits per second that `cflag` names; 0 for B0 (hang up), 9600 for a code that means nothing.
constexpr u32 speed_of(u32 cflag) {
    constexpr u32 kSlow[] = {0,   50,   75,   110,  134,  150,  200,   300,
                             600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
    constexpr u32 kFast[] = {0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000};
    const u32 code = cflag & abi::CBAUD;
    if (code < 16) return kSlow[code];
    const u32 fast = code & ~abi::CBAUDEX;
    return fast > 0 && fast < 9 ? kFast[fast] : 9600;
}

}  // namespace tty
