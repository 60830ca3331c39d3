// INIT, STARTUP, STARTUP: the protocol that wakes a processor. See: Intel SDM vol. 3, 8.4.4.

#include "arch/smp.h"

#include <atomic>

#include "arch/apic.h"
#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "arch/upcalls.h"
#include "lib/string.h"

namespace arch {

extern "C" {
extern const u8 ap_trampoline[], ap_trampoline_end[];
extern void* ap_stack;
}

namespace {

/// A page below 1 MiB that memory_map_to_memblock() reserves.
constexpr PhysAddr kTrampoline{0x8000};

// The processor being started; only one is at a time.
constinit unsigned starting_cpu = 0;
constinit u64 starting_gs_base = 0;
constinit std::atomic<u32> reported_in{0};

bool wait_for_report(unsigned cpu, u64 timeout_ns) {
    const u64 end = clock_ns() + timeout_ns;
    while (clock_ns() < end) {
        if (reported_in.load(std::memory_order_acquire) == cpu) return true;
        cpu_relax();
    }
    return false;
}

}  // namespace

bool can_start_cpus() {
    return memblock.memory.contains(kTrampoline.raw(), kTrampoline.raw() + kPageSize);
}

bool start_cpu(unsigned cpu, u32 apic_id, void* stack_top, u64 gs_base) {
    memcpy(phys_to_virt(kTrampoline), ap_trampoline, usize(ap_trampoline_end - ap_trampoline));
    starting_cpu = cpu;
    starting_gs_base = gs_base;
    ap_stack = stack_top;
    barrier();

    apic_send_init(apic_id);
    delay_us(200);
    for (u64 timeout_ns : {20'000'000ull, 1'000'000'000ull}) {
        apic_send_startup(apic_id, u8(kTrampoline.raw() >> kPageShift));
        if (wait_for_report(cpu, timeout_ns)) return true;
    }
    apic_send_init(apic_id);  // so that it cannot come late, onto the stack of the next one
    return false;
}

/// The new processor's first C++ code, from ap_boot.S: kernel page tables, its own stack,
/// interrupts off.
extern "C" [[noreturn]] void secondary_entry() {
    wrmsr(Msr::GsBase, starting_gs_base);
    wrmsr(Msr::KernelGsBase, 0);
    const unsigned cpu = starting_cpu;
    cpu_init(cpu);
    apic_init_cpu();
    reported_in.store(cpu, std::memory_order_release);
    upcall::secondary_start(cpu);
}

}  // namespace arch
