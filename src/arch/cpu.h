/// The processor's instructions that C++ cannot express, one function each. Inline assembly
/// stands nowhere else (but in arch/percpu.h and arch/user_access.h).
///
/// See: Intel SDM vol. 2 for each instruction, vol. 4 for the MSRs.
#pragma once

#include "lib/strong.h"

namespace arch {

// --- interrupts and waiting ---------------------------------------------------------------

inline constexpr u64 kRflagsIf = 1 << 9;
inline constexpr u64 kRflagsAc = 1 << 18;

inline u64 read_rflags() {
    u64 flags;
    asm volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    return flags;
}
inline void irq_disable() { asm volatile("cli" : : : "memory"); }
inline void irq_enable() { asm volatile("sti" : : : "memory"); }
inline bool irqs_on() { return read_rflags() & kRflagsIf; }

/// Turns interrupts off and tells whether they were on.
inline bool irq_save() {
    const bool were_on = irqs_on();
    irq_disable();
    return were_on;
}
inline void irq_restore(bool were_on) {
    if (were_on) irq_enable();
}

/// Sleeps until the next interrupt. sti takes effect after the hlt has begun, so a wake-up that
/// is already pending is not slept through.
inline void irq_enable_and_halt() { asm volatile("sti; hlt" : : : "memory"); }
inline void raise_breakpoint() { asm volatile("int3"); }
inline void halt() { asm volatile("hlt" : : : "memory"); }
inline void cpu_relax() { asm volatile("pause" : : : "memory"); }

/// The compiler may not move memory accesses across this line.
inline void barrier() { asm volatile("" : : : "memory"); }

/// All memory accesses before it are done, registers of devices included, before any behind it.
inline void memory_fence() { asm volatile("mfence" : : : "memory"); }

// --- I/O ports ------------------------------------------------------------------------------

inline void outb(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
inline void outw(u16 port, u16 value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
inline void outl(u16 port, u32 value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
inline u8 inb(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline u16 inw(u16 port) {
    u16 value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline u32 inl(u16 port) {
    u32 value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

// --- memory-mapped registers ------------------------------------------------------------------

template <class T>
T mmio_read(const volatile void* at) {
    return *static_cast<const volatile T*>(at);
}
template <class T>
void mmio_write(volatile void* at, T value) {
    *static_cast<volatile T*>(at) = value;
}

// --- model-specific registers, control registers ------------------------------------------------

enum class Msr : u32 {
    ApicBase = 0x1b,
    SysenterCs = 0x174,
    McgCap = 0x179,
    McgStatus = 0x17a,
    McgCtl = 0x17b,
    TscDeadline = 0x6e0,
    Efer = 0xc000'0080,
    Star = 0xc000'0081,
    Lstar = 0xc000'0082,
    Cstar = 0xc000'0083,
    SyscallMask = 0xc000'0084,
    FsBase = 0xc000'0100,
    GsBase = 0xc000'0101,
    KernelGsBase = 0xc000'0102,
    TscAux = 0xc000'0103,
};

inline u64 rdmsr(Msr msr) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return u64{high} << 32 | low;
}
/// As rdmsr(), for a register that CPUID promises and an emulator may lack: then false.
inline bool try_rdmsr(Msr msr, u64& value) {
    u32 low = 0, high = 0;
    bool ok = true;
    asm volatile(
        "1: rdmsr\n"
        "jmp 3f\n"
        "2: movb $0, %2\n"
        "3:\n"
        ".pushsection .extable, \"a\"\n"
        ".quad 1b, 2b\n"
        ".popsection"
        : "+a"(low), "=d"(high), "+q"(ok)
        : "c"(msr));
    value = u64{high} << 32 | low;
    return ok;
}
inline void wrmsr(Msr msr, u64 value) {
    asm volatile("wrmsr" : : "c"(msr), "a"(u32(value)), "d"(u32(value >> 32)) : "memory");
}

/// What user mode finds by rdtscp, if there is one: for getcpu(3). On the processor itself.
inline void set_user_cpu_number(unsigned cpu, unsigned node) {
    wrmsr(Msr::TscAux, u64{node} << 12 | cpu);
}

inline u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(u64 value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }
inline VirtAddr read_cr2() {
    u64 value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return VirtAddr(value);
}
inline u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
/// With PCID, a bit of what is written to CR3: what the TLB knows under the PCID stays.
inline constexpr u64 kCr3NoFlush = u64{1} << 63;
inline void write_cr3(u64 value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }
inline u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline void write_cr4(u64 value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }
inline void invlpg(VirtAddr at) { asm volatile("invlpg (%0)" : : "r"(at.raw()) : "memory"); }

inline u64 read_dr6() {
    u64 value;
    asm volatile("mov %%dr6, %0" : "=r"(value));
    return value;
}
inline void write_dr6(u64 value) { asm volatile("mov %0, %%dr6" : : "r"(value)); }
inline void write_dr0(u64 value) { asm volatile("mov %0, %%dr0" : : "r"(value)); }
inline void write_dr1(u64 value) { asm volatile("mov %0, %%dr1" : : "r"(value)); }
inline void write_dr2(u64 value) { asm volatile("mov %0, %%dr2" : : "r"(value)); }
inline void write_dr3(u64 value) { asm volatile("mov %0, %%dr3" : : "r"(value)); }
inline void write_dr7(u64 value) { asm volatile("mov %0, %%dr7" : : "r"(value) : "memory"); }

// --- identification and time ----------------------------------------------------------------

struct Cpuid {
    u32 eax, ebx, ecx, edx;
};
inline Cpuid cpuid(u32 leaf, u32 subleaf = 0) {
    Cpuid r;
    asm volatile("cpuid"
                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                 : "a"(leaf), "c"(subleaf));
    return r;
}
inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return u64{high} << 32 | low;
}

/// As rdtsc(), but after all loads that stand before it.
inline u64 rdtsc_ordered() {
    u32 low, high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
}

/// A number from the processor's random generator; false if it had none ready.
inline bool rdrand(u64& value) {
    bool ok;
    asm volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
    return ok;
}
inline bool rdseed(u64& value) {
    bool ok;
    asm volatile("rdseed %0" : "=r"(value), "=@ccc"(ok));
    return ok;
}

/// a * b / c, rounded down, with a product of 128 bits; all ones if the result does not fit.
inline u64 mul_div(u64 a, u64 b, u64 c) {
    const unsigned __int128 product = (unsigned __int128){a} * b;
    if (u64(product >> 64) >= c) return ~u64{0};
    u64 quotient, rest;
    asm("divq %4"
        : "=a"(quotient), "=d"(rest)
        : "a"(u64(product)), "d"(u64(product >> 64)), "r"(c));
    return quotient;
}

// --- data segments ------------------------------------------------------------------------------

/// All four, straight to where they are kept.
inline void store_data_segments(u16& ds, u16& es, u16& fs, u16& gs) {
    asm volatile("movw %%ds, %0; movw %%es, %1; movw %%fs, %2; movw %%gs, %3"
                 : "=m"(ds), "=m"(es), "=m"(fs), "=m"(gs));
}
/// Loading a selector that names no descriptor for data of rings 0 to 3 is a general protection.
inline void load_ds(u16 selector) { asm volatile("mov %0, %%ds" : : "r"(u32{selector})); }
inline void load_es(u16 selector) { asm volatile("mov %0, %%es" : : "r"(u32{selector})); }
inline void load_fs(u16 selector) { asm volatile("mov %0, %%fs" : : "r"(u32{selector})); }
/// The selector that the user will find; the kernel's GS base stays. Interrupts are off, since in
/// between GS is the user's.
inline void load_user_gs(u16 selector) {
    asm volatile("swapgs; mov %0, %%gs; swapgs" : : "r"(u32{selector}) : "memory");
}

/// The access rights of the descriptor that `selector` names, as they stand in its upper half;
/// false if it names none that may be loaded with its privilege level.
inline bool load_access_rights(u16 selector, u32& rights) {
    bool ok;
    asm volatile("lar %2, %0" : "=r"(rights), "=@ccz"(ok) : "r"(u32{selector}));
    return ok;
}

// --- FPU state --------------------------------------------------------------------------------

inline void fxsave(void* area) { asm volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
inline void fxrstor(const void* area) { asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory"); }
inline void xsave(void* area) {
    asm volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
inline void xrstor(const void* area) {
    asm volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
/// Loads a state that may not be valid: false, and registers of any content, if it is not.
inline bool try_fxrstor(const void* area) {
    bool ok = true;
    asm volatile(
        "1: fxrstor64 (%1)\n"
        "jmp 3f\n"
        "2: movb $0, %0\n"
        "3:\n"
        ".pushsection .extable, \"a\"\n"
        ".quad 1b, 2b\n"
        ".popsection"
        : "+q"(ok)
        : "r"(area)
        : "memory");
    return ok;
}
inline bool try_xrstor(const void* area) {
    bool ok = true;
    asm volatile(
        "1: xrstor64 (%1)\n"
        "jmp 3f\n"
        "2: movb $0, %0\n"
        "3:\n"
        ".pushsection .extable, \"a\"\n"
        ".quad 1b, 2b\n"
        ".popsection"
        : "+q"(ok)
        : "r"(area), "a"(~0u), "d"(~0u)
        : "memory");
    return ok;
}
inline void xsetbv(u32 reg, u64 value) {
    asm volatile("xsetbv" : : "c"(reg), "a"(u32(value)), "d"(u32(value >> 32)));
}
inline u16 fnstsw() {
    u16 status;
    asm volatile("fnstsw %0" : "=a"(status));
    return status;
}
inline u16 fnstcw() {
    u16 control;
    asm volatile("fnstcw %0" : "=m"(control));
    return control;
}
inline u32 stmxcsr() {
    u32 mxcsr;
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}
inline void fninit() { asm volatile("fninit"); }

// --- descriptor tables ------------------------------------------------------------------------

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};
inline void lgdt(const TablePointer& table) { asm volatile("lgdt %0" : : "m"(table)); }
inline void lidt(const TablePointer& table) { asm volatile("lidt %0" : : "m"(table)); }
inline TablePointer sidt() {
    TablePointer table;
    asm volatile("sidt %0" : "=m"(table));
    return table;
}
inline void ltr(u16 selector) { asm volatile("ltr %0" : : "r"(selector)); }
inline void lldt(u16 selector) { asm volatile("lldt %0" : : "r"(selector)); }

/// The frame pointer of the calling function: where a backtrace begins.
[[gnu::always_inline]] inline const u64* frame_pointer() {
    return static_cast<const u64*>(__builtin_frame_address(0));
}

}  // namespace arch
