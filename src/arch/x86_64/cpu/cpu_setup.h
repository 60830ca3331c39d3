/// Descriptor tables and control registers of one processor. Private to arch/x86_64.
#pragma once

#include "arch/percpu.h"
#include "lib/types.h"

namespace arch {

/// Segment selectors. The order is dictated by SYSCALL and SYSRET: kernel data behind kernel code,
/// and 32-bit user code, user data, 64-bit user code in a row.
inline constexpr u16 kKernelCs = 0x10;
inline constexpr u16 kKernelDs = 0x18;
inline constexpr u16 kUserCs32 = 0x20 | 3;
inline constexpr u16 kUserDs = 0x28 | 3;
inline constexpr u16 kUserCs = 0x30 | 3;
inline constexpr u16 kTssSelector = 0x40;
inline constexpr u16 kLdtSelector = 0x50;

/// Stacks of their own for exceptions that may strike when the current one is not usable.
enum class Ist : u8 { None, DoubleFault, Nmi, MachineCheck, Debug };

/// The task state segment of 64-bit mode: where the stacks are. See: Intel SDM vol. 3, 7.7.
struct [[gnu::packed]] Tss {
    u32 reserved0;
    u64 rsp[3];  // rsp[0]: the stack for traps from user mode
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_bitmap_offset;
};
static_assert(sizeof(Tss) == 104);

inline constexpr unsigned kGdtEntries = 16;

/// Everything of a processor that the hardware finds by itself.
struct CpuTables {
    u64 gdt[kGdtEntries];
    Tss tss;
};

/// The I/O bitmap, once it is part of the TSS (io_ports.cc).
struct PortBitmap {
    u8 bytes[65536 / 8 + 1];
    bool is_in_tss;
    u64 serial;  // of which task's ports it is a copy
};

struct CpuArea {
    CpuTables tables;
    PortBitmap ports;
};

/// The descriptor of a code or data segment; `access` is its access byte, `flags` its flag nibble.
/// See: Intel SDM vol. 3, 3.4.5.
u64 segment_descriptor(u8 access, u8 flags);

/// The two halves of the descriptor of a TSS that lies at `base`. See: SDM vol. 3, 7.2.3.
struct SystemDescriptor {
    u64 low, high;
};
SystemDescriptor tss_descriptor(u64 base, u32 limit);

/// Fills in the GDT in the layout of the selectors above, and the TSS with the IST stacks:
/// `ist_tops[i]` is the top of the stack of Ist(i + 1).
void build_cpu_tables(CpuTables& tables, const u64 (&ist_tops)[3]);

/// Loads GDT and TSS, reloads the segment registers, keeps GS base.
void load_cpu_tables(CpuTables& tables);

/// Loads the IDT, on each processor.
void load_idt();

void set_syscall_msrs();
void enable_cpu_features();

extern CpuArea cpu_area;  // per-CPU

/// This processor's. Preemption is off.
inline CpuArea& this_cpu_area() {
    const u64 template_at = reinterpret_cast<u64>(&cpu_area);
    return *reinterpret_cast<CpuArea*>(template_at + this_cpu_read(this_cpu_offset));
}
inline CpuTables& this_cpu_tables() { return this_cpu_area().tables; }

// Per-CPU, used by syscall_entry.S.
extern "C" u64 kernel_stack_top;
extern "C" u64 user_rsp_scratch;

}  // namespace arch
