// Probes of lab 01-boot: formatting and the UART.
//
//   boot_format   in: u32 room, u32 n, n arguments (u8 kind, u8 size, u64 value; for texts u32
//                 length, bytes; length 0xffffffff: a null pointer), the format, its NUL last
//                 out: u32 what vformat() returned, then the `room` bytes and 32 behind them; all
//                 held 0xa5 before
//   boot_uart     in: u16 port, u8 operation, u32 baud, u8 LCR, MCR, IER before, bytes
//                 operation 0: init() and its registers   1: write() each byte until one fails
//                 2: write_text() all   3: reads the registers
//                 out: u32 result of init, or bytes that write() took; u8 LCR, MCR, IER, IIR, u16
//                 divisor

#include "arch/cpu.h"
#include "arch/uart.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "lib/format.h"

namespace probes {
namespace {

constexpr u32 kMaxArgs = 16;
constexpr u32 kMaxRoom = 16 * 1024;
constexpr u32 kFence = 32;
constexpr u8 kFill = 0xa5;

struct FormatRun {
    FormatArg args[kMaxArgs];
    char room[kMaxRoom + kFence];
};

/// An argument as the macro layer above vformat() would have made it. Texts stay where they are.
FormatArg take_argument(ByteReader& input) {
    using enum FormatArg::Kind;
    constexpr u32 kNull = ~u32{0};
    FormatArg arg;
    arg.kind = static_cast<FormatArg::Kind>(input.take<u8>());
    arg.size = input.take<u8>();
    arg.bits = input.take<u64>();
    if (arg.kind != Text && arg.kind != CString) return arg;
    const auto length = input.take<u32>();
    arg.text = nullptr;
    if (length == kNull) return arg;
    const auto text = input.take_bytes(length);
    arg.text = reinterpret_cast<const char*>(text.data());
    arg.length = arg.kind == Text ? text.size() : 0;
    return arg;
}

bool is_well_formed(const FormatArg& arg) {
    const auto kind = static_cast<u8>(arg.kind), last = static_cast<u8>(FormatArg::Kind::CString);
    const bool known = kind >= 1 && kind <= last;
    return known && (arg.size == 1 || arg.size == 2 || arg.size == 4 || arg.size == 8);
}

Result<usize> run_format(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* run = scratch<FormatRun>(out);
    ByteReader input(in);
    const auto room = input.take<u32>(), count = input.take<u32>();
    if (run == nullptr || room > kMaxRoom || count > kMaxArgs) return EINVAL;
    for (u32 i = 0; i < count; i++) {
        run->args[i] = take_argument(input);
        if (!input.ok() || !is_well_formed(run->args[i])) return EINVAL;
    }
    const auto format = input.take_bytes(input.left());
    if (format.empty() || format.back() != std::byte{0}) return EINVAL;

    memset(run->room, kFill, sizeof run->room);
    const usize length = vformat({run->room, room}, reinterpret_cast<const char*>(format.data()),
                                 {run->args, count});
    ByteWriter answer(out);
    answer.put(static_cast<u32>(length));
    answer.put_bytes(run->room, room + kFence);
    return answer.result();
}

// Through the instructions, not through the class that is looked at.
u8 read_reg(u16 port, unsigned reg) { return arch::inb(u16(port + reg)); }
void write_reg(u16 port, unsigned reg, u8 value) { arch::outb(u16(port + reg), value); }

void put_registers(ByteWriter& answer, u16 port) {
    constexpr u8 kDivisorLatch = 0x80;
    const u8 lcr = read_reg(port, arch::Uart::kLcr);
    answer.put(lcr);
    answer.put(read_reg(port, arch::Uart::kMcr));
    write_reg(port, arch::Uart::kLcr, lcr & ~kDivisorLatch);
    answer.put(read_reg(port, arch::Uart::kIer));
    answer.put(read_reg(port, arch::Uart::kIir));
    write_reg(port, arch::Uart::kLcr, lcr | kDivisorLatch);
    answer.put(read_reg(port, arch::Uart::kData));
    answer.put(read_reg(port, arch::Uart::kIer));
    write_reg(port, arch::Uart::kLcr, lcr);
}

u32 write_until_failure(arch::Uart& uart, std::span<const std::byte> bytes) {
    u32 taken = 0;
    for (const std::byte byte : bytes) {
        if (!uart.write(static_cast<u8>(byte))) break;
        taken++;
    }
    return taken;
}

Result<usize> run_uart(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto port = input.take<u16>();
    const auto operation = input.take<u8>();
    const auto baud = input.take<u32>();
    const auto lcr = input.take<u8>(), mcr = input.take<u8>(), ier = input.take<u8>();
    const bool is_spare = port == 0x3e8 || port == 0x2e8;  // COM3, COM4: nobody's but the probe's
    if (!input.ok() || !is_spare || baud == 0 || baud > arch::Uart::kMaxBaud) return EINVAL;
    const auto bytes = input.take_bytes(input.left());

    arch::Uart uart(port);
    u32 result = 0;
    switch (operation) {
    case 0:
        write_reg(port, arch::Uart::kLcr, lcr & 0x7f);
        write_reg(port, arch::Uart::kIer, ier);
        write_reg(port, arch::Uart::kMcr, mcr);
        write_reg(port, arch::Uart::kLcr, lcr);
        result = uart.init(baud);
        break;
    case 1: result = write_until_failure(uart, bytes); break;
    case 2:
        uart.write_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        uart.drain();
        break;
    case 3: break;
    default: return EINVAL;
    }
    ByteWriter answer(out);
    answer.put(result);
    put_registers(answer, port);
    return answer.result();
}

PROBE(format) = {.name = "boot_format", .run = run_format};
PROBE(uart) = {.name = "boot_uart", .run = run_uart};

}  // namespace
}  // namespace probes
