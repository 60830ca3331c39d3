/// The 16550 UART at the level of its registers. The tty driver (drivers/serial) and the early
/// console share one object for each port.
///
/// At reset the line is set to 5 data bits, and its FIFOs are off: init() first. A byte must not
/// be written before the transmitter has room for it: on QEMU nobody would notice, on Bochs and
/// on real hardware the byte before it is lost.
/// See: National Semiconductor PC16550D data sheet.
#pragma once

#include <string_view>

#include "lib/types.h"

namespace arch {

class Uart {
public:
    static constexpr u32 kMaxBaud = 115200;
    static constexpr unsigned kFifoSize = 16;

    constexpr explicit Uart(u16 port) : port_(port) {}

    /// Sets the speed, 8 data bits, no parity, 1 stop bit; FIFOs on and empty; DTR and RTS on;
    /// interrupts off. False if there is no UART at the port.
    bool init(u32 baud);

    /// True if the transmitter's FIFO is empty: up to kFifoSize bytes may be written.
    bool transmitter_empty() const;

    /// Writes one byte as soon as the transmitter has room. Gives up after about 0.1 s, so that a
    /// stuck line never stops the kernel: false.
    bool write(u8 byte);

    /// Writes text, with \r before each \n.
    void write_text(std::string_view text);

    /// Waits until everything written has left the wire.
    void drain();

    // Register access for the driver.
    u8 read_reg(unsigned reg) const;
    void write_reg(unsigned reg, u8 value);
    u16 port() const { return port_; }

    enum Register : unsigned {
        kData = 0,
        kIer = 1,
        kIir = 2,
        kFcr = 2,
        kLcr = 3,
        kMcr = 4,
        kLsr = 5,
        kMsr = 6,
        kScratch = 7
    };
    enum LineStatus : u8 {
        kDataReady = 1,
        kOverrun = 2,
        kParityError = 4,
        kFramingError = 8,
        kBreak = 16,
        kThrEmpty = 32,
        kAllSent = 64
    };

private:
    const u16 port_;
};

extern constinit Uart uart_com1, uart_com2;

}  // namespace arch
