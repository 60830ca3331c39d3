/// Bits of the 16550's registers beyond those that arch/uart.h names.
#pragma once

#include "arch/uart.h"

namespace serial {

// Interrupt enable.
inline constexpr u8 kReceiveInterrupt = 0x01;
inline constexpr u8 kTransmitInterrupt = 0x02;
inline constexpr u8 kModemInterrupt = 0x08;

inline constexpr u8 kNothingPending = 0x01;  // interrupt identification

inline constexpr u8 kFifoTrigger8 = 0x81;  // FIFO control: on, receive interrupt at 8 bytes

// Line control.
inline constexpr u8 kLcrStop2 = 0x04;
inline constexpr u8 kLcrParity = 0x08;
inline constexpr u8 kLcrEven = 0x10;
inline constexpr u8 kLcrBreak = 0x40;
inline constexpr u8 kLcrDivisor = 0x80;  // registers 0 and 1 are the divisor

// Modem control and status.
inline constexpr u8 kMcrDtr = 0x01;
inline constexpr u8 kMcrRts = 0x02;
inline constexpr u8 kMcrOut1 = 0x04;
inline constexpr u8 kMcrOut2 = 0x08;  // on a PC: lets interrupts out of the chip
inline constexpr u8 kMcrLoop = 0x10;
inline constexpr u8 kMsrCts = 0x10;
inline constexpr u8 kMsrDsr = 0x20;
inline constexpr u8 kMsrRing = 0x40;
inline constexpr u8 kMsrCarrier = 0x80;

inline constexpr u8 kLineErrors = arch::Uart::kOverrun | arch::Uart::kParityError |
                                  arch::Uart::kFramingError | arch::Uart::kBreak;

}  // namespace serial
