/// SerialPort: a 16550 UART as the hardware behind a terminal. Linux: drivers/tty/serial/8250.
///
/// Output goes through a ring: write() fills it, and the transmitter takes up to 16 bytes whenever
/// its FIFO is empty, told by an interrupt. Input is taken from the receive FIFO by interrupts
/// until it is empty, and given to the line discipline; when that is full, the receive interrupt
/// is turned off and bytes wait in the FIFO (QEMU then makes its peer wait; real lines overrun,
/// which is counted).
///
/// The kernel's console writes to the same transmitter, from any context, a CPU in the middle of
/// tty code included. So the registers have a lock of their own, which comes last in the order:
/// console_write() takes it alone, waits for the FIFO to be empty and writes; it never touches the
/// ring.
///
/// Lock: the Tty's lock guards the ring and the fields; `uart_lock_` (inside it) the registers of
/// the transmitter and of the line settings.
#pragma once

#include <optional>

#include "arch/uart.h"
#include "core/irq/irq.h"
#include "drivers/tty/tty.h"
#include "lib/ring_buffer.h"

namespace serial {

class SerialPort final : public tty::TtyPort {
public:
    SerialPort(arch::Uart& uart, unsigned irq_line, const char* name, u32 minor,
               tty::Tty::Buffers buffers);

    /// True if a UART answers at the port and its loopback works. Output in flight is lost.
    static bool probe(arch::Uart& uart);

    /// Connects the interrupt and enters the terminal as /dev/`name`. ENOMEM, EBUSY, ….
    Result<void> attach();

    /// Writes kernel messages, with \r before \n, waiting for the transmitter at most `kPatience`
    /// looks for each 16 bytes. Any context.
    void console_write(std::string_view text) EXCLUDES(uart_lock_);

    tty::Tty terminal;

    // tty::TtyPort
    usize write_room() const override { return ring_.room(); }
    usize write(std::span<const u8> bytes) override { return ring_.push(std::as_bytes(bytes)); }
    void start() override;
    void set_stopped(bool stopped) override;
    void discard_output() override { ring_.clear(); }
    usize chars_in_buffer() const override { return ring_.size(); }
    bool is_idle() override;
    void send_xchar(u8 byte) override;
    void set_throttled(bool throttled) override;
    void apply(const abi::Termios2& now) override;
    Result<u32> modem_lines() override;
    Result<void> set_modem_lines(u32 set, u32 clear) override;
    Result<void> set_break(bool on) override;
    Result<abi::SerialIcounter> counters() override;
    Result<void> activate() override;
    void shutdown() override;

private:
    static irq::IrqReturn interrupt(unsigned irq, void* port);
    bool handle_interrupt();
    void receive();
    struct Batch;
    bool read_fifo(Batch& batch);
    void receive_bad(u8 byte, u8 status);
    void note_modem_status();
    void fill_transmitter();
    void write_waiting(std::string_view text);
    bool wait_for_transmitter();
    void set_interrupts(u8 on, u8 off);
    u8 line_status();
    void set_line(u8 lcr, u32 divisor);

    arch::Uart& uart_;
    const unsigned irq_line_;
    SpinLock uart_lock_{"uart", LockRank::TtyPort};
    RingBuffer<4096> ring_;
    u8 ier_ = 0;           // what the interrupt enable register holds
    u8 lcr_ = 0x03;        // line control: 8 bits, no parity
    u8 mcr_ = 0x0b;        // DTR, RTS, OUT2
    u16 divisor_ = 1;      // 115200 baud
    u8 saved_errors_ = 0;  // error bits that console_write() read by the way
    bool stopped_ = false;
    bool held_by_cts_ = false;
    bool hardware_flow_ = false;
    std::optional<u8> xchar_;
    abi::SerialIcounter counters_{};
};

/// Finds the ports, attaches them, and hands the console over to the first. Boot, after
/// interrupts and the slab work.
void init();

}  // namespace serial
