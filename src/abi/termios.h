/// termios(3): how a terminal treats input and output. Values and layout of Linux x86-64
/// (uapi/asm-generic/termbits.h, uapi/asm-generic/termios.h).
#pragma once

#include "abi/types.h"

namespace abi {

// --- c_cc: the special characters ---------------------------------------------------------------
enum : u8 {
    VINTR,
    VQUIT,
    VERASE,
    VKILL,
    VEOF,
    VTIME,
    VMIN,
    VSWTC,
    VSTART,
    VSTOP,
    VSUSP,
    VEOL,
    VREPRINT,
    VDISCARD,
    VWERASE,
    VLNEXT,
    VEOL2,
};
inline constexpr u32 NCCS = 19;
inline constexpr u8 kDisabledChar = 0;  // _POSIX_VDISABLE: no key has this function

// --- c_iflag: input -----------------------------------------------------------------------------
inline constexpr u32 IGNBRK = 0x0001;
inline constexpr u32 BRKINT = 0x0002;
inline constexpr u32 IGNPAR = 0x0004;
inline constexpr u32 PARMRK = 0x0008;
inline constexpr u32 INPCK = 0x0010;
inline constexpr u32 ISTRIP = 0x0020;
inline constexpr u32 INLCR = 0x0040;
inline constexpr u32 IGNCR = 0x0080;
inline constexpr u32 ICRNL = 0x0100;
inline constexpr u32 IUCLC = 0x0200;
inline constexpr u32 IXON = 0x0400;
inline constexpr u32 IXANY = 0x0800;
inline constexpr u32 IXOFF = 0x1000;
inline constexpr u32 IMAXBEL = 0x2000;
inline constexpr u32 IUTF8 = 0x4000;

// --- c_oflag: output ----------------------------------------------------------------------------
inline constexpr u32 OPOST = 0x01;
inline constexpr u32 OLCUC = 0x02;
inline constexpr u32 ONLCR = 0x04;
inline constexpr u32 OCRNL = 0x08;
inline constexpr u32 ONOCR = 0x10;
inline constexpr u32 ONLRET = 0x20;
inline constexpr u32 TABDLY = 0x1800;
inline constexpr u32 XTABS = 0x1800;

// --- c_cflag: the line --------------------------------------------------------------------------
inline constexpr u32 CBAUD = 0x100f;
inline constexpr u32 CBAUDEX = 0x1000;
inline constexpr u32 BOTHER = 0x1000;  // the rate stands in c_ospeed (Termios2)
inline constexpr u32 B0 = 0x0;         // hang up
inline constexpr u32 B9600 = 0xd;
inline constexpr u32 B38400 = 0xf;
inline constexpr u32 B115200 = 0x1002;
inline constexpr u32 CSIZE = 0x0030;
inline constexpr u32 CS5 = 0x0000;
inline constexpr u32 CS6 = 0x0010;
inline constexpr u32 CS7 = 0x0020;
inline constexpr u32 CS8 = 0x0030;
inline constexpr u32 CSTOPB = 0x0040;
inline constexpr u32 CREAD = 0x0080;
inline constexpr u32 PARENB = 0x0100;
inline constexpr u32 PARODD = 0x0200;
inline constexpr u32 HUPCL = 0x0400;
inline constexpr u32 CLOCAL = 0x0800;
inline constexpr u32 CRTSCTS = 0x8000'0000;

// --- c_lflag: editing, echo, signals ------------------------------------------------------------
inline constexpr u32 ISIG = 0x0001;
inline constexpr u32 ICANON = 0x0002;
inline constexpr u32 ECHO = 0x0008;
inline constexpr u32 ECHOE = 0x0010;
inline constexpr u32 ECHOK = 0x0020;
inline constexpr u32 ECHONL = 0x0040;
inline constexpr u32 NOFLSH = 0x0080;
inline constexpr u32 TOSTOP = 0x0100;
inline constexpr u32 ECHOCTL = 0x0200;
inline constexpr u32 ECHOPRT = 0x0400;
inline constexpr u32 ECHOKE = 0x0800;
inline constexpr u32 FLUSHO = 0x1000;
inline constexpr u32 PENDIN = 0x4000;
inline constexpr u32 IEXTEN = 0x8000;
inline constexpr u32 EXTPROC = 0x1'0000;

struct Termios {
    u32 c_iflag, c_oflag, c_cflag, c_lflag;
    u8 c_line;
    u8 c_cc[NCCS];
};
static_assert(sizeof(Termios) == 36);

/// As TCGETS2 shows it: with the speeds as numbers.
struct Termios2 : Termios {
    u32 c_ispeed, c_ospeed;
};
static_assert(sizeof(Termios2) == 44);

struct WinSize {
    u16 ws_row, ws_col, ws_xpixel, ws_ypixel;
};
static_assert(sizeof(WinSize) == 8);

/// struct serial_icounter_struct: what TIOCGICOUNT reports.
struct SerialIcounter {
    i32 cts, dsr, rng, dcd;
    i32 rx, tx, frame, overrun, parity, brk, buf_overrun;
    i32 reserved[9];
};
static_assert(sizeof(SerialIcounter) == 80);

}  // namespace abi
