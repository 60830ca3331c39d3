// LAB FILE (01-boot): the global descriptor table and the task state segment.
//
// In 64-bit mode segments have lost their bases and limits, but not their meaning: the code
// segment still says in which mode and with what privilege the processor runs, and the task
// state segment says on which stacks traps are taken.

#include "arch/x86_64/cpu/cpu_setup.h"
#include "lib/lab.h"

namespace arch {

namespace {

constexpr u8 kAccessKernelCode = 0x9a;  // present, ring 0, code, readable
constexpr u8 kAccessKernelData = 0x92;  // present, ring 0, data, writable
constexpr u8 kAccessUserCode = 0xfa;    // the same with ring 3
constexpr u8 kAccessUserData = 0xf2;
constexpr u8 kAccessTss = 0x89;  // present, ring 0, available 64-bit TSS

constexpr u8 kFlagsCode64 = 0xa;  // granularity 4 KiB, 64-bit code
constexpr u8 kFlags32 = 0xc;      // granularity 4 KiB, 32-bit

}  // namespace

/// LAB boot, task 5 "Descriptors" (handouts/01-boot.md). Write the body.
///   Before  `access` is the access byte, `flags` the upper nibble of byte 6.
///   After   the result is a descriptor with base 0 and limit 0xfffff (pages): limit 15..0 in
///           bits 15..0, access in bits 47..40, limit 19..16 in bits 51..48, flags in 55..52.
///   Use     shifts only.
///   Check   `make grade LAB=boot T=gdt`
///   Think   why does the processor ignore base and limit here, but not the access byte?
u64 segment_descriptor(u8 access, u8 flags) {
#ifdef SOLVED_BOOT
    return 0xffff | u64{access} << 40 | u64{0xf} << 48 | u64{flags} << 52;
#else
    lab_todo("boot", "segment_descriptor");
#endif
}

/// LAB boot, task 5 "Descriptors" (handouts/01-boot.md). Write the body.
///   Before  `base` is any 64-bit address, `limit` less than 1 MiB.
///   After   `low` holds limit 15..0, base 23..0, the access byte of an available TSS, limit
///           19..16 and base 31..24 at their places; `high` holds base 63..32 in its lower half
///           and zeros above. Granularity is bytes: the flag nibble is 0.
///   Use     kAccessTss.
///   Check   `make grade LAB=boot T=gdt`
///   Think   why does this descriptor take two slots, and those of code and data one?
SystemDescriptor tss_descriptor(u64 base, u32 limit) {
#ifdef SOLVED_BOOT
    SystemDescriptor d{};
    d.low = (limit & 0xffff) | (base & 0xff'ffff) << 16 | u64{kAccessTss} << 40 |
            u64{limit >> 16 & 0xf} << 48 | (base >> 24 & 0xff) << 56;
    d.high = base >> 32;
    return d;
#else
    lab_todo("boot", "tss_descriptor");
#endif
}

/// LAB boot, task 6 "One processor's tables" (handouts/01-boot.md). Write the body.
///   Before  `tables` holds anything. The selectors in cpu_setup.h say which slot is whose
///           (selector = slot * 8 + ring).
///   After   slot 0 and all unnamed slots are 0; kernel code and user code are 64-bit, kUserCs32
///           is 32-bit code, kKernelDs and kUserDs are data; the TSS descriptor stands at
///           kTssSelector and covers exactly `tables.tss`. The TSS is zero but for the IST
///           pointers ist[0..2] = ist_tops[0..2] and an I/O bitmap offset beyond its limit (no
///           ports for users).
///   Use     segment_descriptor(), tss_descriptor(), the constants above.
///   Check   `make grade LAB=boot T=gdt`
///   Think   SYSRET takes the user's SS and CS from one register. Which order does that force?
void build_cpu_tables(CpuTables& tables, const u64 (&ist_tops)[3]) {
#ifdef SOLVED_BOOT
    tables = CpuTables{};
    tables.gdt[kKernelCs / 8] = segment_descriptor(kAccessKernelCode, kFlagsCode64);
    tables.gdt[kKernelDs / 8] = segment_descriptor(kAccessKernelData, kFlags32);
    tables.gdt[kUserCs32 / 8] = segment_descriptor(kAccessUserCode, kFlags32);
    tables.gdt[kUserDs / 8] = segment_descriptor(kAccessUserData, kFlags32);
    tables.gdt[kUserCs / 8] = segment_descriptor(kAccessUserCode, kFlagsCode64);

    for (unsigned i = 0; i < 3; i++) tables.tss.ist[i] = ist_tops[i];
    tables.tss.io_bitmap_offset = sizeof(Tss);
    const auto base = reinterpret_cast<u64>(&tables.tss);
    const SystemDescriptor tss = tss_descriptor(base, sizeof(Tss) - 1);
    tables.gdt[kTssSelector / 8] = tss.low;
    tables.gdt[kTssSelector / 8 + 1] = tss.high;
#else
    lab_todo("boot", "build_cpu_tables");
#endif
}

}  // namespace arch
