// The boot, as a list.

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "core/log/printk.h"
#include "init/late.h"
#include "init/steps.h"

namespace init {

namespace {

struct Step {
    const char* name;
    void (*run)();
    const char* yields;  // what works from here on
};

/// Each step needs only what stands above it. Reading this list top to bottom is the quickest tour
/// of the kernel. File systems, trace points and tests are not in it: they stand in linker
/// sections, and nothing depends on their order.
// clang-format off
constexpr Step kSteps[] = {
    {"console",   start_console,         "printk() reaches the serial port"},
    {"firmware",  read_firmware_tables,  "ACPI: processors, interrupt controllers, timers"},
    {"memory",    set_up_memory,         "memblock knows the RAM; the kernel's page tables"},
    {"cpu",       set_up_boot_cpu,       "per-CPU areas; GDT, TSS, IDT: traps are reported"},
    {"frames",    start_frames,          "alloc_page(), kmalloc(), make<T>()"},
    {"trace",     start_tracing,         "rings for trace records; trace= is switched on"},
    {"irqs",      start_interrupts,      "local APIC, I/O APIC: interrupts may be enabled"},
    {"clock",     start_clock,           "now_ns(), timers, the date, random numbers"},
    {"sched",     start_scheduler,       "this becomes the idle task; others may run"},
    {"vm",        start_address_spaces,  "address spaces, the page cache"},
    {"vfs",       start_vfs,             "an empty root directory"},
    {"syscalls",  start_system_calls,    "the table is filled"},
    {"processes", start_processes,       "pids, signals, kthreadd"},
    {"cpus",      start_other_cpus,      "every processor runs its idle task"},
    {"deferred",  start_deferred_work,   "ksoftirqd, the workers of work queues"},
    {"devices",   start_devices,         "terminals, /dev"},
    {"root",      unpack_root,           "the initramfs is the root"},
};
// clang-format on
constexpr usize kCount = sizeof kSteps / sizeof kSteps[0];

constinit u64 ticks[kCount]{};

/// One line for each step that is over; those before the clock are told when it runs.
void report_up_to(usize last) {
    static constinit usize told = 0;
    if (arch::tsc_khz() == 0) return;
    for (; told <= last; told++) {
        printk("boot: %-10s %7u us  %s", kSteps[told].name, ticks[told] * 1000 / arch::tsc_khz(),
               kSteps[told].yields);
    }
}

}  // namespace

}  // namespace init

void upcall::kernel_main() {
    for (usize i = 0; i < init::kCount; i++) {
        const u64 begin = arch::rdtsc();
        init::kSteps[i].run();
        init::ticks[i] = arch::rdtsc() - begin;
        init::report_up_to(i);
    }
    init::enter_service();
}
