// Every interrupt enters here: on to the interrupt stack, and to whoever its vector belongs to.
// Linux: arch/x86/kernel/irq.c.
//
// The interrupt stack: interrupts nest (in softirqs they are on), so the depth of what they call
// would have to be added to that of every task's stack. Each processor has one stack for them all.
// Whoever comes first, from a task, changes to it; what interrupts while it is in use stays on it.
// The softirqs that run at the end of an interrupt run on it, too.

#include "core/irq/entry.h"
#include "arch/apic.h"
#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/irq_stack.h"
#include "arch/upcalls.h"
#include "core/irq/ipi.h"
#include "core/irq/vector.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/context_tracking.h"
#include "core/random/random.h"
#include "core/softirq/softirq.h"

namespace irq {

namespace {

struct VectorHandler {
    void (*handle)(arch::TrapFrame& frame);
    const char* name;
    Acknowledge who;
};
constinit VectorHandler vector_handlers[256]{};

struct VectorCounts {
    u32 of[256];
};
PER_CPU VectorCounts vector_counts{};
PER_CPU const arch::TrapFrame* interrupted = nullptr;
PER_CPU u64 irq_stack_top = 0;  // 0: in use, or not there yet
PER_CPU u64 ticks_in_irqs = 0;  // of the TSC
constinit std::atomic<u32> errors{0};

/// A vector that stands for nothing: a device that was just freed, or told a wrong address.
void stray_interrupt(unsigned vector) {
    arch::apic_eoi();
    constexpr u32 kReported = 10;
    if (errors.fetch_add(1, std::memory_order_relaxed) < kReported) {
        printk(Level::Err, "%u.%u: no irq handler for vector", cpu_id(), vector);
    }
}

/// Acknowledged first: a handler of a system vector may not come back here for a long time, and
/// one that arrives from now on is latched.
void dispatch(arch::TrapFrame& frame, unsigned vector) {
    if (const VectorHandler& system = vector_handlers[vector]; system.handle != nullptr) {
        if (system.who == Acknowledge::BeforeHandler) arch::apic_eoi();
        system.handle(frame);
    } else if (IrqDesc* const desc = desc_of_vector(vector)) {
        desc->handle(*desc);
    } else if (vector != arch::kSpuriousVector) {  // that one wants no acknowledgement
        stray_interrupt(vector);
    }
}

void handle_interrupt(arch::TrapFrame& frame, unsigned vector) {
    const bool was_idle = context::irq_enter();
    const arch::TrapFrame* const outer = arch::this_cpu_read(interrupted);
    arch::this_cpu_write(interrupted, static_cast<const arch::TrapFrame*>(&frame));
    const u64 begin = arch::rdtsc();
    irq_enter();
    this_cpu(vector_counts).of[vector]++;
    add_interrupt_randomness(vector);
    dispatch(frame, vector);
    const u64 ticks = arch::rdtsc() - begin;
    arch::this_cpu_add(ticks_in_irqs, ticks);
    softirq::note_interrupt(ticks);
    arch::this_cpu_write(interrupted, outer);
    irq_exit();
    // Only now: softirqs, too, are work that a sleeping processor would not do.
    context::irq_exit(was_idle);
}

}  // namespace

void set_vector_handler(unsigned vector, void (*handle)(arch::TrapFrame&), const char* name,
                        Acknowledge who) {
    ASSERT((vector >= arch::kFirstSystem && vector < arch::kSpuriousVector) ||
           vector == arch::kMoveCleanupVector);
    vector_handlers[vector] = {handle, name, who};
}

const char* vector_name(unsigned vector) { return vector_handlers[vector].name; }

const arch::TrapFrame* current_frame() { return arch::this_cpu_read(interrupted); }

void count_vector(unsigned vector) { arch::this_cpu_add(vector_counts.of[vector], 1); }

u32 vector_count(unsigned vector, unsigned cpu) { return per_cpu(vector_counts, cpu).of[vector]; }

u64 total_interrupts(unsigned cpu) {
    u64 sum = 0;
    for (u32 count : per_cpu(vector_counts, cpu).of) sum += count;
    return sum;
}

u32 interrupt_errors() { return errors.load(std::memory_order_relaxed); }

/// Counted in ticks, which cost an interrupt less to read.
u64 time_ns(unsigned cpu) {
    const u64 ticks = per_cpu(ticks_in_irqs, cpu), khz = arch::tsc_khz();
    return khz == 0 ? 0 : ticks / khz * 1'000'000 + ticks % khz * 1'000'000 / khz;
}

bool on_irq_stack(const void* at) {
    const u64 base = arch::this_cpu_read(arch::irq_stack_base);
    return base != 0 && reinterpret_cast<u64>(at) - base < arch::kIrqStackBytes;
}

static void allocate_stacks() {
    for_each_cpu(possible_cpus, [](unsigned cpu) {
        void* const base = services.alloc_stack(arch::kIrqStackBytes);
        if (base == nullptr) panic("no memory for the interrupt stacks");
        per_cpu(arch::irq_stack_base, cpu) = reinterpret_cast<u64>(base);
        per_cpu(irq_stack_top, cpu) = reinterpret_cast<u64>(base) + arch::kIrqStackBytes;
    });
}

void init(const Services& lent) {
    services = lent;
    arch::pic_disable();
    const u64 local = arch::acpi_info.local_apic != 0 ? arch::acpi_info.local_apic : 0xfee0'0000;
    Result<void*> registers = services.map(PhysAddr(local), kPageSize);
    if (!registers.ok()) panic("the local APIC cannot be mapped: %s", registers.error());
    arch::apic_init(registers.value());
    for (u32 i = 0; i < arch::acpi_info.ioapic_count; i++) {
        const auto& io = arch::acpi_info.ioapics[i];
        Result<void*> window = services.map(PhysAddr(io.address), kPageSize);
        if (window.ok()) arch::ioapic_add(window.value(), io.first_gsi);
    }
    if (arch::acpi_info.ioapic_count == 0) {
        printk(Level::Warning, "ACPI describes no I/O APIC: devices cannot interrupt");
    }
    allocate_stacks();
    init_vectors();
    init_io_apics();
}

}  // namespace irq

void upcall::device_interrupt(arch::TrapFrame& frame, unsigned vector) {
    const u64 top = arch::this_cpu_read(irq::irq_stack_top);
    if (top == 0) return irq::handle_interrupt(frame, vector);
    arch::this_cpu_write(irq::irq_stack_top, u64{0});
    arch::call_on_stack(reinterpret_cast<u64>(&frame), vector, top, [](u64 at, u64 number) {
        irq::handle_interrupt(*reinterpret_cast<arch::TrapFrame*>(at), unsigned(number));
    });
    arch::this_cpu_write(irq::irq_stack_top, top);
}
