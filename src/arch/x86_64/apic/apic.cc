// See arch/apic.h.

#include "arch/apic.h"

#include "arch/cpu.h"

namespace arch {

namespace {

constinit volatile u8* registers = nullptr;

enum Reg : unsigned {
    kId = 0x20,
    kTaskPriority = 0x80,
    kEoi = 0xb0,
    kSpurious = 0xf0,
    kTriggerMode = 0x180,  // 8 registers of 32 vectors each, 16 bytes apart; so are the requests
    kRequest = 0x200,
    kErrorStatus = 0x280,
    kCommandLow = 0x300,
    kCommandHigh = 0x310,
    kLvtTimer = 0x320,
    kLvtLint0 = 0x350,
    kLvtLint1 = 0x360,
    kLvtError = 0x370,
    kTimerInitial = 0x380,
    kTimerCurrent = 0x390,
    kTimerDivide = 0x3e0,
};

constexpr u32 kMasked = 1 << 16;
constexpr u32 kDeliveryPending = 1 << 12;
constexpr u32 kAssert = 1 << 14;
constexpr u32 kDeliverNmi = 4 << 8, kDeliverInit = 5 << 8, kDeliverStartup = 6 << 8;

u32 read(Reg reg) { return mmio_read<u32>(registers + reg); }
void write(Reg reg, u32 value) { mmio_write<u32>(registers + reg, value); }

void send(u32 apic_id, u32 command) {
    const bool irqs = irq_save();  // the two halves belong together
    while (read(kCommandLow) & kDeliveryPending) cpu_relax();
    write(kCommandHigh, apic_id << 24);
    write(kCommandLow, command);
    irq_restore(irqs);
}

}  // namespace

void pic_disable() {
    constexpr u16 kMaster = 0x20, kSlave = 0xa0;
    // Initialisation: vectors 0xf0 … 0xff (spurious ones still arrive), cascade on line 2.
    outb(kMaster, 0x11);
    outb(kSlave, 0x11);
    outb(kMaster + 1, 0xf0);
    outb(kSlave + 1, 0xf8);
    outb(kMaster + 1, 4);
    outb(kSlave + 1, 2);
    outb(kMaster + 1, 1);
    outb(kSlave + 1, 1);
    outb(kMaster + 1, 0xff);
    outb(kSlave + 1, 0xff);
}

void apic_init(volatile void* mapped) {
    registers = static_cast<volatile u8*>(mapped);
    apic_init_cpu();
}

void apic_init_cpu() {
    wrmsr(Msr::ApicBase, rdmsr(Msr::ApicBase) | 1 << 11);
    write(kTaskPriority, 0);
    write(kLvtLint0, kMasked);
    write(kLvtLint1, kDeliverNmi);
    write(kLvtError, kMasked);
    write(kSpurious, 1 << 8 | kSpuriousVector);
    apic_timer_setup(ApicTimerMode::Masked);
}

u32 apic_id() { return read(kId) >> 24; }
void apic_eoi() { write(kEoi, 0); }

static bool vector_bit(Reg first, unsigned vector) {
    return read(static_cast<Reg>(first + vector / 32 * 16)) >> vector % 32 & 1;
}
bool apic_is_requested(unsigned vector) { return vector_bit(kRequest, vector); }
bool apic_is_level(unsigned vector) { return vector_bit(kTriggerMode, vector); }

void apic_send_ipi(u32 id, unsigned vector) { send(id, vector | kAssert); }
/// Only the lower half: the upper one may be half of a command that this interrupts.
void apic_send_self(unsigned vector) {
    constexpr u32 kToSelf = 1 << 18;
    if (registers == nullptr) return;
    while (read(kCommandLow) & kDeliveryPending) cpu_relax();
    write(kCommandLow, vector | kAssert | kToSelf);
}
void apic_send_init(u32 id) { send(id, kDeliverInit | kAssert); }
void apic_send_startup(u32 id, u8 page) { send(id, kDeliverStartup | kAssert | page); }
void apic_send_nmi(u32 id) {
    if (registers != nullptr) send(id, kDeliverNmi | kAssert);
}

void apic_timer_setup(ApicTimerMode mode) {
    constexpr u32 kModes[] = {kMasked, 0, 1 << 17, 2 << 17};
    write(kTimerDivide, 0xb);  // divide by 1
    write(kLvtTimer, kTimerVector | kModes[u8(mode)]);
    // A write to the deadline register may not overtake the one that selects the mode.
    memory_fence();
}
void apic_timer_set(u32 count) { write(kTimerInitial, count); }
u32 apic_timer_read() { return read(kTimerCurrent); }

bool apic_timer_has_deadline() { return cpuid(1).ecx >> 24 & 1; }
bool apic_timer_always_running() { return cpuid(0).eax >= 6 && (cpuid(6).eax >> 2 & 1); }
void apic_timer_set_deadline(u64 tsc) { wrmsr(Msr::TscDeadline, tsc); }

}  // namespace arch
