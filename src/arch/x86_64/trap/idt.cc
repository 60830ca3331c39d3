// The interrupt descriptor table: 256 gates to the stubs of trap_entry.S. One for all processors.
// See: Intel SDM vol. 3, 6.14.1.

#include "arch/cpu.h"
#include "arch/vectors.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/trap/extable.h"

namespace arch {

namespace {

struct Gate {
    u16 offset_low;
    u16 selector;
    u8 ist;
    u8 type;
    u16 offset_middle;
    u32 offset_high;
    u32 reserved;
};
static_assert(sizeof(Gate) == 16);

/// On a page that only the boot can write: see prepare_traps().
[[gnu::section(".ro_after_boot")]] constinit Gate idt[256]{};

constexpr usize kStubSize = 16;
extern "C" const u8 trap_stubs[];

/// An interrupt gate: interrupts are off from the first instruction on.
Gate make_gate(unsigned vector, Ist ist, unsigned ring) {
    const u64 entry = reinterpret_cast<u64>(trap_stubs + vector * kStubSize);
    return Gate{.offset_low = u16(entry),
                .selector = kKernelCs,
                .ist = static_cast<u8>(ist),
                .type = u8(0x8e | ring << 5),
                .offset_middle = u16(entry >> 16),
                .offset_high = u32(entry >> 32),
                .reserved = 0};
}

}  // namespace

void build_idt() {
    for (unsigned vector = 0; vector < 256; vector++) {
        idt[vector] = make_gate(vector, Ist::None, 0);
    }
    idt[kDoubleFault] = make_gate(kDoubleFault, Ist::DoubleFault, 0);
    idt[kNmi] = make_gate(kNmi, Ist::Nmi, 0);
    idt[kMachineCheck] = make_gate(kMachineCheck, Ist::MachineCheck, 0);
    // What user code may raise itself: int3, into, int $0x80.
    idt[kBreakpoint] = make_gate(kBreakpoint, Ist::None, 3);
    idt[kOverflow] = make_gate(kOverflow, Ist::None, 3);
    idt[kSyscall32] = make_gate(kSyscall32, Ist::None, 3);
}

void prepare_traps() {
    build_idt();
    init_extable();
}

void load_idt() { lidt({sizeof idt - 1, reinterpret_cast<u64>(idt)}); }

}  // namespace arch
