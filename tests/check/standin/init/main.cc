// Stand-in kernel: tells its symbol table on the first serial port, then echoes what is typed.
// 'q' powers the machine off, on QEMU and on Bochs.
#include <cstdint>

#include "arch/ports.h"

extern "C" const std::uint32_t kallsyms_count, kallsyms_offsets[], kallsyms_name_offsets[];
extern "C" const char kallsyms_names[];

namespace console {

constexpr unsigned short kData = 0x3f8, kLineControl = 0x3fb, kLineStatus = 0x3fd;
constexpr unsigned char kHasData = 1, kCanTake = 0x20, kIsIdle = 0x40;

void set_up() {
    outb(kLineControl, 0x80);  // the next two bytes are the divisor: 115200 baud
    outb(kData, 1);
    outb(kData + 1, 0);
    outb(kLineControl, 3);  // 8 bits, no parity
}

void put(char c) {
    while (!(inb(kLineStatus) & kCanTake)) {
    }
    outb(kData, static_cast<unsigned char>(c));
}

void print(const char* text) {
    for (; *text; text++) put(*text);
}

void print(unsigned long number) {
    if (number >= 10) print(number / 10);
    put(static_cast<char>('0' + number % 10));
}

char get() {
    while (!(inb(kLineStatus) & kHasData)) {
    }
    return static_cast<char>(inb(kData));
}

}  // namespace console

static void power_off() {
    while (!(inb(console::kLineStatus) & console::kIsIdle)) {
    }
    for (const char* s = "Shutdown"; *s; s++) outb(0x8900, static_cast<unsigned char>(*s));
    outw(0x604, 0x2000);
}

extern "C" [[noreturn]] void kernel_main() {
    console::set_up();
#ifdef SOLVED_BOOT
    console::print("stand-in kernel, solved, symbols: ");
#else
    console::print("stand-in kernel, starter, symbols: ");
#endif
    console::print(static_cast<unsigned long>(kallsyms_count));
    for (unsigned i = 0; i < kallsyms_count; i++) {
        console::print("\r\n");
        console::print(kallsyms_names + kallsyms_name_offsets[i]);
    }
    console::print("\r\nready\r\n");
    for (;;) {
        const char typed = console::get();
        if (typed == 'q') power_off();
        console::put(typed);
    }
}
