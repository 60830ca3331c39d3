// The 8254: three counters at 1.193182 MHz. Channel 0 interrupts on line 0; channel 2, once the
// speaker's, counts without anybody hearing it and is the one that is read.
// See: 8254 data sheet. Linux: drivers/clocksource/i8253.c.

#include "arch/clock.h"
#include "arch/cpu.h"

namespace arch {

namespace {

constexpr u16 kChannel0 = 0x40, kChannel2 = 0x42, kCommand = 0x43, kPortB = 0x61;
constexpr u8 kLowHigh = 3 << 4, kMode0 = 0, kMode2 = 2 << 1, kMode4 = 4 << 1;
constexpr u8 kSelect2 = 2 << 6;

void load(u16 channel, u16 count) {
    outb(channel, u8(count));
    outb(channel, u8(count >> 8));
}

}  // namespace

void pit_start() {
    constexpr u8 kGate = 1, kSpeaker = 2;
    outb(kPortB, u8((inb(kPortB) & ~kSpeaker) | kGate));
    outb(kCommand, kSelect2 | kLowHigh | kMode2);
    load(kChannel2, 0);  // 65536
}

u32 pit_read() {
    outb(kCommand, kSelect2);  // latch
    const u32 low = inb(kChannel2);
    return (0x1'0000 - (low | u32{inb(kChannel2)} << 8)) & 0xffff;  // it counts down
}

void pit_event_periodic(u16 ticks) {
    outb(kCommand, kLowHigh | kMode2);
    load(kChannel0, ticks);
}

void pit_event_oneshot() { outb(kCommand, kLowHigh | kMode4); }
void pit_event_set(u16 ticks) { load(kChannel0, ticks); }

void pit_event_stop() {
    outb(kCommand, kLowHigh | kMode0);
    load(kChannel0, 0);
}

}  // namespace arch
