// LAB FILE (01-boot): the first words. See arch/uart.h.

#include "arch/uart.h"

#include "arch/cpu.h"
#include "lib/lab.h"

namespace arch {

constinit Uart uart_com1{0x3f8};
constinit Uart uart_com2{0x2f8};

u8 Uart::read_reg(unsigned reg) const { return inb(u16(port_ + reg)); }
void Uart::write_reg(unsigned reg, u8 value) { outb(u16(port_ + reg), value); }

/// LAB boot, task 2 "The wire" (handouts/01-boot.md). Write the body.
///   Before  the UART is in any state, or absent: an absent port reads as 0xff.
///   After   if the scratch register does not keep 0x5a and 0xa5: false. Else interrupts are off;
///           the divisor latch holds kMaxBaud / baud; the line is 8N1; FIFOs are on, cleared,
///           with a receive trigger of 14 bytes (0xc7); DTR, RTS and OUT2 (the interrupt gate) are
///           on (0x0b): true.
///   Use     read_reg(), write_reg(). The divisor is written through kData (low) and kIer (high)
///           while bit 7 of kLcr is set.
///   Check   `make grade LAB=boot T=uart`
///   Think   why are the FIFOs cleared only after the line is set?
bool Uart::init(u32 baud) {
#ifdef SOLVED_BOOT
    for (u8 pattern : {0x5a, 0xa5}) {
        write_reg(kScratch, pattern);
        if (read_reg(kScratch) != pattern) return false;
    }
    write_reg(kLcr, 0x03);  // whoever was here before may have left the divisor latch open
    write_reg(kIer, 0);
    const u32 divisor = kMaxBaud / baud;
    write_reg(kLcr, 0x80);
    write_reg(kData, u8(divisor));
    write_reg(kIer, u8(divisor >> 8));
    write_reg(kLcr, 0x03);
    write_reg(kFcr, 0xc7);
    write_reg(kMcr, 0x0b);
    return true;
#else
    lab_todo("boot", "Uart::init");
#endif
}

bool Uart::transmitter_empty() const { return read_reg(kLsr) & kThrEmpty; }

/// LAB boot, task 2 "The wire" (handouts/01-boot.md). Write the body.
///   Before  the UART is initialised; its transmitter may be busy.
///   After   `byte` has been handed to the transmitter at a moment when it had room: true; or it
///           had none for kPatience looks: false, and nothing was written.
///   Use     transmitter_empty(), write_reg(), cpu_relax().
///   Check   `make grade LAB=boot T=uart`
///   Think   QEMU's transmitter is always empty. What do you see on Bochs if you do not look?
bool Uart::write(u8 byte) {
    [[maybe_unused]] constexpr unsigned kPatience = 200'000;
#ifdef SOLVED_BOOT
    for (unsigned looks = 0; !transmitter_empty(); looks++) {
        if (looks == kPatience) return false;
        cpu_relax();
    }
    write_reg(kData, byte);
    return true;
#else
    lab_todo("boot", "Uart::write");
#endif
}

/// LAB boot, task 2 "The wire" (handouts/01-boot.md). Write the body.
///   Before  as for write().
///   After   every byte of `text` has been written, a carriage return before each newline; after
///           a failed write() the rest is given up.
///   Use     write().
///   Check   `make grade LAB=boot T=uart`
///   Think   who puts the \r before a program's \n: this function? (Look for ONLCR.)
void Uart::write_text(std::string_view text) {
#ifdef SOLVED_BOOT
    for (char c : text) {
        if (c == '\n' && !write('\r')) return;
        if (!write(static_cast<u8>(c))) return;
    }
#else
    lab_todo("boot", "Uart::write_text");
#endif
}

void Uart::drain() {
    for (unsigned looks = 0; looks < 2'000'000 && !(read_reg(kLsr) & kAllSent); looks++) {
        cpu_relax();
    }
}

}  // namespace arch
