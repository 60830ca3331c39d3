// LAB FILE (02-traps): the gates of the interrupt descriptor table.
//
// A gate is a far pointer and a few rights: where to go on, in which code segment, on which stack,
// and whether a program may ask for it. The address is cut in three pieces, since the format grew
// with the processors: 16 bits in 1982, 32 in 1985, 64 in 2003.

#include "arch/x86_64/trap/idt.h"

#include "arch/vectors.h"
#include "lib/lab.h"

namespace arch {

namespace {

constexpr u8 kPresent = 1 << 7;
constexpr u8 kInterruptGate = 0xe;  // 64-bit; 0xf would be a trap gate

}  // namespace

/// LAB traps, task 1 "Gates" (handouts/02-traps.md). Write the body.
///   Before  `entry` is any address, `ring` 0 to 3.
///   After   the gate leads to `entry` in the kernel's code segment, on the stack `ist` of the TSS
///           (0: the usual one), is present, and turns interrupts off. Reserved bits are 0.
///   Use     kKernelCs, kPresent, kInterruptGate.
///   Check   `make grade LAB=traps T=idt`
///   Think   what could happen between the first two instructions behind a *trap* gate?
Gate make_gate(u64 entry, Ist ist, unsigned ring) {
#ifdef SOLVED_TRAPS
    return Gate{.offset_low = u16(entry),
                .selector = kKernelCs,
                .ist = static_cast<u8>(ist),
                .type = u8(kPresent | ring << 5 | kInterruptGate),
                .offset_middle = u16(entry >> 16),
                .offset_high = u32(entry >> 32),
                .reserved = 0};
#else
    lab_todo("traps", "make_gate");
#endif
}

/// LAB traps, task 1 "Gates" (handouts/02-traps.md). Write the body.
///   Before  `table` holds anything; stub n begins at `stubs` + n * kStubSize.
///   After   gate n leads to stub n. Double fault, NMI and machine check have their stacks.
///   Programs
///           may raise kBreakpoint, kOverflow and kSyscall32 (int3, into, int $0x80), nothing else.
///   Use     make_gate(), Ist, the names of arch/vectors.h.
///   Check   `make grade LAB=traps T=idt`
///   Think   what if a program could raise vector 8, or 14, by an INT instruction?
void build_idt(std::span<Gate, kVectors> table, u64 stubs) {
#ifdef SOLVED_TRAPS
    const auto set = [&](unsigned vector, Ist ist, unsigned ring) {
        table[vector] = make_gate(stubs + vector * kStubSize, ist, ring);
    };
    for (unsigned vector = 0; vector < kVectors; vector++) set(vector, Ist::None, 0);
    set(kDoubleFault, Ist::DoubleFault, 0);
    set(kNmi, Ist::Nmi, 0);
    set(kMachineCheck, Ist::MachineCheck, 0);
    for (const unsigned vector : {kBreakpoint, kOverflow, kSyscall32}) set(vector, Ist::None, 3);
#else
    lab_todo("traps", "build_idt");
#endif
}

}  // namespace arch
