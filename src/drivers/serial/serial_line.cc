/// Line settings, modem lines, finding the ports, and the console on the first.
#include "abi/ioctl.h"
#include "arch/cpu.h"
#include "core/log/printk.h"
#include "drivers/serial/registers.h"
#include "drivers/serial/serial_port.h"
#include "drivers/tty/speed.h"
#include "mm/own.h"
#include "mm/vmalloc.h"

namespace serial {

using arch::Uart;
using namespace abi;

/// Writes line control and divisor, after what is in flight has left: a byte that is on the wire
/// while the speed changes arrives as another one.
void SerialPort::set_line(u8 lcr, u32 divisor) {
    IrqGuard guard(uart_lock_);
    for (unsigned looks = 0; looks < 50'000 && !(line_status() & Uart::kAllSent); looks++) {
        arch::cpu_relax();
    }
    uart_.write_reg(Uart::kLcr, lcr | kLcrDivisor);
    uart_.write_reg(Uart::kData, static_cast<u8>(divisor));
    uart_.write_reg(Uart::kIer, static_cast<u8>(divisor >> 8));
    uart_.write_reg(Uart::kLcr, lcr);
    uart_.write_reg(Uart::kIer, ier_);
    lcr_ = lcr;
    divisor_ = static_cast<u16>(divisor);
}

void SerialPort::apply(const Termios2& now) {
    const u32 cflag = now.c_cflag;
    u8 lcr = static_cast<u8>((cflag & CSIZE) >> 4);  // CS5 … CS8 are 0 … 3 in both
    if (cflag & CSTOPB) lcr |= kLcrStop2;
    if (cflag & PARENB) lcr |= kLcrParity;
    if (!(cflag & PARODD)) lcr |= kLcrEven;
    if (!(cflag & PARENB)) lcr &= ~kLcrEven;

    const u32 speed = (cflag & CBAUD) == BOTHER ? now.c_ospeed : tty::speed_of(cflag);
    u8 mcr = mcr_ | kMcrOut2;
    u32 divisor = divisor_;
    if (speed == 0) {
        mcr &= ~kMcrDtr;  // B0: hang up
    } else {
        mcr |= kMcrDtr;
        const u32 nearest = (Uart::kMaxBaud + speed / 2) / speed;
        divisor = std::max<u32>(std::min<u32>(nearest, 0xffff), 1);
    }
    if (lcr != lcr_ || divisor != divisor_) set_line(lcr, divisor);
    if (mcr != mcr_) uart_.write_reg(Uart::kMcr, mcr_ = mcr);

    hardware_flow_ = cflag & CRTSCTS;
    set_interrupts(hardware_flow_ ? kModemInterrupt : 0, hardware_flow_ ? 0 : kModemInterrupt);
    held_by_cts_ = hardware_flow_ && !(uart_.read_reg(Uart::kMsr) & kMsrCts);
    fill_transmitter();
}

struct LinePair {
    u8 hardware;
    u32 user;
};
static constexpr LinePair kOutputs[] = {{kMcrDtr, TIOCM_DTR},
                                        {kMcrRts, TIOCM_RTS},
                                        {kMcrOut1, TIOCM_OUT1},
                                        {kMcrOut2, TIOCM_OUT2},
                                        {kMcrLoop, TIOCM_LOOP}};
static constexpr LinePair kInputs[] = {
    {kMsrCts, TIOCM_CTS}, {kMsrDsr, TIOCM_DSR}, {kMsrRing, TIOCM_RNG}, {kMsrCarrier, TIOCM_CAR}};

Result<u32> SerialPort::modem_lines() {
    u32 lines = 0;
    for (const LinePair& pair : kOutputs) lines |= mcr_ & pair.hardware ? pair.user : 0;
    const u8 inputs = uart_.read_reg(Uart::kMsr);
    for (const LinePair& pair : kInputs) lines |= inputs & pair.hardware ? pair.user : 0;
    return lines;
}

Result<void> SerialPort::set_modem_lines(u32 set, u32 clear) {
    u8 mcr = mcr_;
    for (const LinePair& pair : kOutputs) {
        if (pair.hardware == kMcrOut2) continue;  // without it the port is deaf
        if (clear & pair.user) mcr &= ~pair.hardware;
        if (set & pair.user) mcr |= pair.hardware;
    }
    uart_.write_reg(Uart::kMcr, mcr_ = mcr);
    return {};
}

Result<void> SerialPort::set_break(bool on) {
    IrqGuard guard(uart_lock_);
    lcr_ = static_cast<u8>(on ? lcr_ | kLcrBreak : lcr_ & ~kLcrBreak);
    uart_.write_reg(Uart::kLcr, lcr_);
    return {};
}

Result<SerialIcounter> SerialPort::counters() {
    SerialIcounter result = counters_;
    result.buf_overrun = static_cast<i32>(terminal.ldisc.overruns());
    return result;
}

Result<void> SerialPort::activate() {
    mcr_ |= kMcrDtr | kMcrRts | kMcrOut2;
    uart_.write_reg(Uart::kMcr, mcr_);
    set_interrupts(kReceiveInterrupt, 0);
    return {};
}

/// Nobody listens any more. What was written is still sent.
void SerialPort::shutdown() {
    set_interrupts(0, kReceiveInterrupt | kModemInterrupt);
    if (terminal.settings.c_cflag & HUPCL) {
        mcr_ &= ~(kMcrDtr | kMcrRts);
        uart_.write_reg(Uart::kMcr, mcr_);
    }
}

// --- finding them -------------------------------------------------------------------------------

bool SerialPort::probe(Uart& uart) {
    uart.drain();
    if (!uart.init(Uart::kMaxBaud)) return false;
    // In loopback the outputs come back as inputs: DTR as DSR, RTS as CTS, OUT2 as carrier.
    uart.write_reg(Uart::kMcr, kMcrLoop | kMcrOut2 | kMcrRts);
    const u8 inputs = uart.read_reg(Uart::kMsr) & 0xf0;
    uart.write_reg(Uart::kMcr, kMcrDtr | kMcrRts | kMcrOut2);
    (void)uart.read_reg(Uart::kMsr);  // forget the changes that this caused
    // Interrupt at 8 received bytes: the other 8 are the time there is to answer, 0.7 ms.
    uart.write_reg(Uart::kFcr, kFifoTrigger8);
    return inputs == (kMsrCts | kMsrCarrier);
}

struct PortPlace {
    Uart& uart;
    unsigned irq_line;
    const char* name;
    u32 minor;
};
static constexpr PortPlace kPlaces[] = {{arch::uart_com1, 4, "ttyS0", 64},
                                        {arch::uart_com2, 3, "ttyS1", 65}};

/// Raw input must survive a reader that is late: 64 KiB are 5.7 s at 115200 baud.
static constexpr usize kInputBytes = 64 * 1024;

static constinit SerialPort* console_port = nullptr;
static void write_console(std::string_view text) { console_port->console_write(text); }
static constinit Console serial_console = {"ttyS0", write_console};

static Result<SerialPort*> set_up(const PortPlace& place) {
    if (!SerialPort::probe(place.uart)) return ENODEV;
    auto* input = static_cast<u8*>(TRY(mm::vmalloc(kInputBytes)));
    auto* marks = static_cast<u64*>(TRY(mm::vmalloc(kInputBytes / 8)));
    const tty::Tty::Buffers buffers{{input, kInputBytes}, {marks, kInputBytes / 64}};
    auto port =
        TRY((mm::make<SerialPort>(place.uart, place.irq_line, place.name, place.minor, buffers)));
    TRY(port->attach());
    return port.leak();
}

void init() {
    for (const PortPlace& place : kPlaces) {
        Result<SerialPort*> port = set_up(place);
        if (!port.ok()) {
            if (port.error() != ENODEV) {
                printk(Level::Err, "%s: not usable: %s\n", place.name, port.error());
            }
            continue;
        }
        printk("%s at I/O 0x%x (irq = %u, base_baud = %u) is a 16550A\n", place.name,
               place.uart.port(), place.irq_line, Uart::kMaxBaud);
        if (console_port) continue;
        console_port = port.value();
        serial_console.name = place.name;
        register_console(serial_console);
    }
}

}  // namespace serial
