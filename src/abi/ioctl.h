/// ioctl(2) requests of terminals, and those that every file understands. Values of Linux x86-64
/// (uapi/asm-generic/ioctls.h).
#pragma once

#include "abi/types.h"

namespace abi {

// Block devices (uapi/linux/fs.h).
inline constexpr u32 BLKROGET = 0x125e;
inline constexpr u32 BLKGETSIZE = 0x1260;
inline constexpr u32 BLKFLSBUF = 0x1261;
inline constexpr u32 BLKSSZGET = 0x1268;
inline constexpr u32 BLKPBSZGET = 0x127b;
inline constexpr u32 BLKBSZGET = 0x80081270;
inline constexpr u32 BLKGETSIZE64 = 0x80081272;

// Terminals.
inline constexpr u32 TCGETS = 0x5401;
inline constexpr u32 TCSETS = 0x5402;
inline constexpr u32 TCSETSW = 0x5403;
inline constexpr u32 TCSETSF = 0x5404;
inline constexpr u32 TCSBRK = 0x5409;
inline constexpr u32 TCXONC = 0x540a;
inline constexpr u32 TCFLSH = 0x540b;
inline constexpr u32 TIOCEXCL = 0x540c;
inline constexpr u32 TIOCNXCL = 0x540d;
inline constexpr u32 TIOCSCTTY = 0x540e;
inline constexpr u32 TIOCGPGRP = 0x540f;
inline constexpr u32 TIOCSPGRP = 0x5410;
inline constexpr u32 TIOCOUTQ = 0x5411;
inline constexpr u32 TIOCSTI = 0x5412;
inline constexpr u32 TIOCGWINSZ = 0x5413;
inline constexpr u32 TIOCSWINSZ = 0x5414;
inline constexpr u32 TIOCMGET = 0x5415;
inline constexpr u32 TIOCMBIS = 0x5416;
inline constexpr u32 TIOCMBIC = 0x5417;
inline constexpr u32 TIOCMSET = 0x5418;
inline constexpr u32 TIOCGSOFTCAR = 0x5419;
inline constexpr u32 TIOCSSOFTCAR = 0x541a;
inline constexpr u32 FIONREAD = 0x541b;
inline constexpr u32 TIOCINQ = FIONREAD;
inline constexpr u32 FIONBIO = 0x5421;
inline constexpr u32 TIOCNOTTY = 0x5422;
inline constexpr u32 TIOCSETD = 0x5423;
inline constexpr u32 TIOCGETD = 0x5424;
inline constexpr u32 TCSBRKP = 0x5425;
inline constexpr u32 TIOCSBRK = 0x5427;
inline constexpr u32 TIOCCBRK = 0x5428;
inline constexpr u32 TIOCGSID = 0x5429;
inline constexpr u32 FIONCLEX = 0x5450;
inline constexpr u32 FIOCLEX = 0x5451;
inline constexpr u32 FIOASYNC = 0x5452;
inline constexpr u32 TIOCGICOUNT = 0x545d;

// Encoded numbers: direction << 30 | size << 16 | 'T' << 8 | n.
inline constexpr u32 TCGETS2 = 0x802c'542a;
inline constexpr u32 TCSETS2 = 0x402c'542b;
inline constexpr u32 TCSETSW2 = 0x402c'542c;
inline constexpr u32 TCSETSF2 = 0x402c'542d;
inline constexpr u32 TIOCGPTN = 0x8004'5430;
inline constexpr u32 TIOCSPTLCK = 0x4004'5431;
inline constexpr u32 TIOCGDEV = 0x8004'5432;
inline constexpr u32 TIOCGPTLCK = 0x8004'5439;
inline constexpr u32 TIOCGPTPEER = 0x5441;

// /dev/random (uapi/linux/random.h)
inline constexpr u32 RNDGETENTCNT = 0x8004'5200;
inline constexpr u32 RNDADDTOENTCNT = 0x4004'5201;
inline constexpr u32 RNDADDENTROPY = 0x4008'5203;
inline constexpr u32 RNDZAPENTCNT = 0x5204;
inline constexpr u32 RNDCLEARPOOL = 0x5206;
inline constexpr u32 RNDRESEEDCRNG = 0x5207;

// Arguments.
inline constexpr u32 TCOOFF = 0;  // TCXONC: suspend output
inline constexpr u32 TCOON = 1;
inline constexpr u32 TCIOFF = 2;  // transmit a STOP character
inline constexpr u32 TCION = 3;
inline constexpr u32 TCIFLUSH = 0;  // TCFLSH
inline constexpr u32 TCOFLUSH = 1;
inline constexpr u32 TCIOFLUSH = 2;

inline constexpr u32 TIOCM_LE = 0x001;
inline constexpr u32 TIOCM_DTR = 0x002;
inline constexpr u32 TIOCM_RTS = 0x004;
inline constexpr u32 TIOCM_CTS = 0x020;
inline constexpr u32 TIOCM_CAR = 0x040;
inline constexpr u32 TIOCM_RNG = 0x080;
inline constexpr u32 TIOCM_DSR = 0x100;
inline constexpr u32 TIOCM_OUT1 = 0x2000;
inline constexpr u32 TIOCM_OUT2 = 0x4000;
inline constexpr u32 TIOCM_LOOP = 0x8000;

}  // namespace abi
