// See arch/power.h.

#include "arch/power.h"

#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/uart.h"

namespace arch {

void power_off() {
    uart_com1.drain();  // what was said last is to be seen
    uart_com2.drain();
    constexpr u16 kSleepEnable = 1 << 13;
    const AcpiInfo& acpi = acpi_info;
    if (acpi.has_s5 && acpi.pm1a_control != 0) {
        outw(acpi.pm1a_control, u16(acpi.s5_type_a << 10 | kSleepEnable));
        if (acpi.pm1b_control != 0) {
            outw(acpi.pm1b_control, u16(acpi.s5_type_b << 10 | kSleepEnable));
        }
        delay_us(10'000);
    }
    for (char c : {'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'}) outb(0x8900, u8(c));  // Bochs
}

void restart() {
    uart_com1.drain();
    uart_com2.drain();
    irq_disable();
    if (acpi_info.reset_register != 0) {
        outb(u16(acpi_info.reset_register), acpi_info.reset_value);
        delay_us(10'000);
    }
    outb(0xcf9, 0x06);
    delay_us(10'000);
    outb(0x64, 0xfe);
    delay_us(10'000);
    lidt({0, 0});
    raise_breakpoint();  // no table: the processor gives up
    halt_forever();
}

void debug_exit(u8 value) {
    uart_com1.drain();
    outl(0xf4, value);
}

void emergency_write(std::string_view text) {
    constexpr u16 kPort = 0x3f8;
    constexpr unsigned kPatience = 200'000;
    outb(kPort + Uart::kLcr, 0x03);
    for (const char c : text) {
        unsigned looks = 0;
        while (!(inb(kPort + Uart::kLsr) & Uart::kThrEmpty) && looks++ < kPatience) cpu_relax();
        outb(kPort + Uart::kData, u8(c));
    }
}

void halt_forever() {
    irq_disable();
    for (;;) halt();
}

}  // namespace arch
