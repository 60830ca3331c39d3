// Test kernel: echoes COM2, and does on COM1 what one letter says.
//   e X  echo X     c  command line   p  panic text and halt   q  power off (success)
//   t    triple fault               h  cli; hlt               s  spin for ever
//   d N  the answer of the small lab in test_grade.py to the digit N, as a digit
#include <stdint.h>

// A known place in memory for read_phys() and read_virt().
char marker[32] = "vitrine test kernel marker 0001";

static void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

enum { kCom1 = 0x3f8, kCom2 = 0x2f8 };

static void uart_init(uint16_t base) {
    static const uint8_t setup[][2] = {{1, 0}, {3, 0x80}, {0, 1}, {1, 0}, {3, 3}, {2, 7}, {4, 3}};
    for (unsigned i = 0; i < 7; i++) outb(base + setup[i][0], setup[i][1]);
}
static void put(uint16_t base, char c) {
    while (!(inb(base + 5) & 0x20)) {
    }
    outb(base, (uint8_t)c);
}
static void print(const char* text) {
    while (*text) put(kCom1, *text++);
}

static const char* command_line(uint32_t info, uint32_t door) {
    if (door == 2) return (const char*)(uintptr_t) * (uint64_t*)(uintptr_t)(info + 24);
    for (uint32_t at = info + 8;;) {
        const uint32_t* tag = (const uint32_t*)(uintptr_t)at;
        if (tag[0] == 0) return "";
        if (tag[0] == 1) return (const char*)(tag + 2);
        at += (tag[1] + 7) & ~7u;
    }
}

void power_off(void);
void power_off(void) {
    while (!(inb(kCom1 + 5) & 0x40)) {
    }
    __asm__ volatile("outl %0, %1" : : "a"(16), "Nd"((uint16_t)0xf4));
    for (const char* c = "Shutdown"; *c; c++) outb(0x8900, (uint8_t)*c);
}

static void triple_fault(void) {
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) empty = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(empty));
}

/// Defined only in the kernel of the small lab.
__attribute__((weak)) int answer(int x);

static char next_key(void) {
    while (!(inb(kCom1 + 5) & 1)) {
    }
    return (char)inb(kCom1);
}

static void command(char letter, uint32_t info, uint32_t door) {
    switch (letter) {
    case 'c':
        print(command_line(info, door));
        print("\n");
        break;
    case 'p':
        print("Kernel panic - not syncing: as asked\n");
        for (;;) __asm__("cli; hlt");
    case 'q': power_off(); break;
    case 't': triple_fault(); break;
    case 'h':
        for (;;) __asm__("cli; hlt");
    case 's':
        for (;;) {
        }
    case 'd': put(kCom1, (char)('0' + (answer ? answer(next_key() - '0') : 0))); break;
    default: put(kCom1, letter);
    }
}

void kernel_main(uint32_t info, uint32_t door) {
    uart_init(kCom1);
    uart_init(kCom2);
    print(door == 2 ? "test kernel: pvh\n" : "test kernel: multiboot2\n");
    for (;;) {
        if (inb(kCom1 + 5) & 1) command((char)inb(kCom1), info, door);
        if (inb(kCom2 + 5) & 1) put(kCom2, (char)inb(kCom2));
    }
}
