/// The 16550 at work: interrupts, transmitting, receiving. Line settings are in serial_line.cc.
/// See: PC16550D data sheet, 8.4 (FIFO operation), 8.6 (interrupts).
#include "drivers/serial/serial_port.h"

#include "arch/cpu.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "drivers/serial/registers.h"
#include "fs/char_dev.h"

namespace serial {

using arch::Uart;

static constexpr u32 kTtyMajor = 4;
static constexpr unsigned kPatience = 200'000;  // looks at a busy transmitter
static constexpr unsigned kMaxBatches = 256;    // FIFOs emptied between two looks at the rest

SerialPort::SerialPort(Uart& uart, unsigned irq_line, const char* name, u32 minor,
                       tty::Tty::Buffers buffers)
    : terminal(name, fs::make_dev(kTtyMajor, minor), *this, buffers),
      uart_(uart),
      irq_line_(irq_line) {}

Result<void> SerialPort::attach() {
    TRY(irq::request_irq(irq_line_, interrupt, irq::kShared, terminal.name, this));
    return tty::register_tty(terminal, terminal.name);
}

void SerialPort::set_interrupts(u8 on, u8 off) {
    const u8 wanted = static_cast<u8>((ier_ | on) & ~off);
    if (wanted == ier_) return;
    ier_ = wanted;
    uart_.write_reg(Uart::kIer, ier_);
}

/// Reading the status clears its error bits, so whoever reads must not forget them.
u8 SerialPort::line_status() {
    const u8 status = uart_.read_reg(Uart::kLsr);
    saved_errors_ |= status & kLineErrors;
    return status;
}

// --- transmitting -------------------------------------------------------------------------------

/// Gives the transmitter what it has room for, and asks for an interrupt if more is waiting.
void SerialPort::fill_transmitter() {
    IrqGuard guard(uart_lock_);
    const bool held = stopped_ || held_by_cts_;
    while ((xchar_ || (!held && !ring_.empty())) && (line_status() & Uart::kThrEmpty)) {
        unsigned room = Uart::kFifoSize;
        if (xchar_) {
            uart_.write_reg(Uart::kData, *xchar_);
            xchar_.reset();
            room--;
        }
        std::byte bytes[Uart::kFifoSize];
        const usize count = held ? 0 : ring_.pop(std::span(bytes, room));
        for (usize i = 0; i < count; i++) {
            uart_.write_reg(Uart::kData, static_cast<u8>(bytes[i]));
        }
        counters_.tx += static_cast<i32>(count);
    }
    const bool more = xchar_ || (!held && !ring_.empty());
    set_interrupts(more ? kTransmitInterrupt : 0, more ? 0 : kTransmitInterrupt);
}

/// The caller holds terminal.lock. On a slow host all may be sent at once, and then no interrupt
/// will tell those who wait for room.
void SerialPort::start() NO_LOCK_ANALYSIS {
    if (!xchar_ && ring_.empty()) return;
    fill_transmitter();
    if (ring_.empty()) terminal.output_drained_locked();
}

void SerialPort::set_stopped(bool stopped) {
    stopped_ = stopped;
    fill_transmitter();
}

void SerialPort::send_xchar(u8 byte) {
    if (byte == abi::kDisabledChar) return;
    xchar_ = byte;
    fill_transmitter();
}

bool SerialPort::is_idle() {
    IrqGuard guard(uart_lock_);
    return !xchar_ && (line_status() & Uart::kAllSent);
}

bool SerialPort::wait_for_transmitter() {
    for (unsigned looks = 0; !(line_status() & Uart::kThrEmpty); looks++) {
        if (looks == kPatience) return false;
        arch::cpu_relax();
    }
    return true;
}

void SerialPort::write_waiting(std::string_view text) {
    unsigned room = 0;
    for (char c : text) {
        const unsigned needed = c == '\n' ? 2 : 1;
        if (room < needed) {
            if (!wait_for_transmitter()) return;
            room = Uart::kFifoSize;
        }
        if (c == '\n') uart_.write_reg(Uart::kData, '\r');
        uart_.write_reg(Uart::kData, static_cast<u8>(c));
        room -= needed;
    }
}

void SerialPort::console_write(std::string_view text) {
    // A processor that was stopped by a panic may hold the lock for ever.
    if (is_panicking()) return write_waiting(text);
    IrqGuard guard(uart_lock_);
    write_waiting(text);
}

// --- receiving ----------------------------------------------------------------------------------

void SerialPort::receive_bad(u8 byte, u8 status) {
    if (status & Uart::kOverrun) {
        counters_.overrun++;  // an earlier byte is lost; this one is good
        terminal.ldisc.receive_error(byte, tty::LineError::Overrun);
    }
    if (status & Uart::kBreak) {
        counters_.brk++;
        return terminal.ldisc.receive_error(byte, tty::LineError::Break);
    }
    if (status & Uart::kParityError) {
        counters_.parity++;
        return terminal.ldisc.receive_error(byte, tty::LineError::Parity);
    }
    if (status & Uart::kFramingError) {
        counters_.frame++;
        return terminal.ldisc.receive_error(byte, tty::LineError::Framing);
    }
    terminal.ldisc.receive(byte);
}

/// What one look at the receive FIFO yields: good bytes, and perhaps a bad one behind them.
struct SerialPort::Batch {
    u8 good[Uart::kFifoSize];
    unsigned count = 0;
    u8 bad = 0;
    u8 bad_status = 0;  // 0: there is none
};

/// Takes what the FIFO holds, up to the first byte with an error. False: nothing was there.
bool SerialPort::read_fifo(Batch& batch) {
    const usize limit = std::min<usize>(terminal.ldisc.room(), sizeof batch.good);
    IrqGuard guard(uart_lock_);
    while (batch.count < limit) {
        const u8 status = line_status() | saved_errors_;
        if (!(status & Uart::kDataReady)) break;
        const u8 byte = uart_.read_reg(Uart::kData);
        if (status & kLineErrors) [[unlikely]] {
            saved_errors_ = 0;
            batch.bad = byte;
            batch.bad_status = status;
            break;
        }
        batch.good[batch.count++] = byte;
    }
    return batch.count > 0 || batch.bad_status != 0;
}

/// Empties the receive FIFO into the line discipline, or turns the interrupt off when that is
/// full. A port that claims data for ever is handle_interrupt()'s to notice.
void SerialPort::receive() {
    for (unsigned rounds = 0; rounds < kMaxBatches; rounds++) {
        if (!terminal.ldisc.has_room()) return set_interrupts(0, kReceiveInterrupt);
        Batch batch;
        if (!read_fifo(batch)) return;
        counters_.rx += static_cast<i32>(batch.count) + (batch.bad_status != 0);
        if (!(terminal.settings.c_cflag & abi::CREAD)) continue;
        terminal.ldisc.receive(std::span(batch.good, batch.count));
        if (batch.bad_status != 0) receive_bad(batch.bad, batch.bad_status);
    }
}

void SerialPort::set_throttled(bool throttled) {
    if (hardware_flow_) {
        mcr_ = static_cast<u8>(throttled ? mcr_ & ~kMcrRts : mcr_ | kMcrRts);
        uart_.write_reg(Uart::kMcr, mcr_);
    }
    // The controller raises its interrupt again if bytes have been waiting.
    set_interrupts(throttled ? 0 : kReceiveInterrupt, throttled ? kReceiveInterrupt : 0);
}

// --- interrupts ---------------------------------------------------------------------------------

void SerialPort::note_modem_status() {
    const u8 status = uart_.read_reg(Uart::kMsr);  // reading clears the change bits
    counters_.cts += status & 1;
    counters_.dsr += status >> 1 & 1;
    counters_.rng += status >> 2 & 1;
    counters_.dcd += status >> 3 & 1;
    held_by_cts_ = hardware_flow_ && !(status & kMsrCts);
}

/// The line is an edge-triggered one: unless the UART has nothing more to report when this
/// returns, it would never interrupt again.
bool SerialPort::handle_interrupt() {
    constexpr int kMaxRounds = 256;
    tty::Tty::Signals signals;
    {
        IrqGuard guard(terminal.lock);
        if (uart_.read_reg(Uart::kIir) & kNothingPending) return false;
        int rounds = 0;
        do {
            receive();
            note_modem_status();
            fill_transmitter();
        } while (!(uart_.read_reg(Uart::kIir) & kNothingPending) && ++rounds < kMaxRounds);
        if (rounds == kMaxRounds) {
            set_interrupts(0, 0xff);
            printk(Level::Err, "%s: interrupt will not go away; interrupts off\n", terminal.name);
        }
        if (ring_.room() >= ring_.capacity() / 2) terminal.output_drained_locked();
        signals = terminal.input_arrived_locked();
    }
    tty::Tty::send_signals(signals);
    return true;
}

irq::IrqReturn SerialPort::interrupt(unsigned, void* port) {
    const bool was_mine = static_cast<SerialPort*>(port)->handle_interrupt();
    return was_mine ? irq::IrqReturn::Handled : irq::IrqReturn::None;
}

}  // namespace serial
