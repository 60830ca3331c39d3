// See irq.h. Line n has vector kFirstDevice + n; all lines go to the boot processor.

#include "core/irq/irq.h"

#include "arch/apic.h"
#include "arch/boot_info.h"
#include "arch/upcalls.h"
#include "core/irq/irq_trace.h"
#include "core/lock/spin_lock.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/context_tracking.h"
#include "core/percpu/percpu.h"
#include "core/random/random.h"
#include "lib/format.h"

namespace irq {

namespace {

constexpr unsigned kLines = 24;
constexpr unsigned kVectors = 256;

struct IrqDesc {
    IrqHandler* handlers = nullptr;  // written under the lock; handlers are added at the front
    u32 gsi = 0;
    u32 unhandled = 0;  // in a row
    bool shut_off = false;
};
constinit SpinLock desc_lock{"irq_desc", LockRank::IrqDesc};
constinit IrqDesc lines[kLines];

struct VectorHandler {
    void (*handle)(arch::TrapFrame& frame);
    const char* name;
};
constinit VectorHandler vector_handlers[kVectors]{};

struct Counts {
    u32 count[kVectors];
};
PER_CPU Counts counts{};
PER_CPU const arch::TrapFrame* interrupted = nullptr;
constinit std::atomic<u64> spurious{0};

/// Where ISA line `line` really leads, and how it signals.
struct Route {
    u32 gsi;
    bool active_low, level;
};
Route route_of(unsigned line) {
    for (u32 i = 0; i < arch::acpi_info.override_count; i++) {
        const auto& o = arch::acpi_info.overrides[i];
        if (o.isa_irq == line) return {o.gsi, o.active_low, o.level};
    }
    return {line, false, false};
}

/// A line that fires on and on while nobody feels responsible would stop the machine.
void note_unhandled(unsigned line) {
    constexpr u32 kTooMany = 1000;
    IrqDesc& desc = lines[line];
    spurious.fetch_add(1, std::memory_order_relaxed);
    if (++desc.unhandled < kTooMany || desc.shut_off) return;
    desc.shut_off = true;
    arch::ioapic_mask(desc.gsi);
    printk(Level::Err, "irq %u: nobody cared; the line is shut off", line);
}

void run_handlers(unsigned line) {
    bool handled = false;
    for (IrqHandler* h = lines[line].handlers; h != nullptr; h = h->next) {
        if (trace::is_enabled<IrqHandlerEntry>()) [[unlikely]] {
            trace::point(IrqHandlerEntry{.irq = i32(line), .name = trace_name(h->name)});
        }
        handled |= h->handle(h->context);
    }
    if (handled) {
        lines[line].unhandled = 0;
    } else {
        note_unhandled(line);
    }
}

void dispatch(arch::TrapFrame& frame, unsigned vector) {
    if (vector == arch::kSpuriousVector) {  // no acknowledgement: the APIC did not deliver one
        spurious.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    // Acknowledged first: a handler may switch tasks on its way out, and edges that arrive from
    // now on are latched.
    arch::apic_eoi();
    const unsigned line = vector - arch::kFirstDevice;
    if (line < kLines) {
        run_handlers(line);
    } else if (vector_handlers[vector].handle != nullptr) {
        vector_handlers[vector].handle(frame);
    } else {
        spurious.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace

Result<void> request_irq(unsigned line, IrqHandler& handler) {
    if (line >= kLines) return EINVAL;
    IrqGuard guard(desc_lock);
    IrqDesc& desc = lines[line];
    handler.next = desc.handlers;
    if (desc.handlers == nullptr) {
        const Route route = route_of(line);
        desc.gsi = route.gsi;
        TRY(arch::ioapic_route(route.gsi, arch::kFirstDevice + line, arch::apic_id(),
                               route.active_low, route.level));
    }
    desc.handlers = &handler;
    if (handler.next == nullptr) arch::ioapic_unmask(desc.gsi);
    return {};
}

void free_irq(unsigned line, IrqHandler& handler) {
    IrqGuard guard(desc_lock);
    IrqHandler** at = &lines[line].handlers;
    while (*at != nullptr && *at != &handler) at = &(*at)->next;
    if (*at != nullptr) *at = handler.next;
    if (lines[line].handlers == nullptr) arch::ioapic_mask(lines[line].gsi);
}

void set_vector_handler(unsigned vector, void (*handle)(arch::TrapFrame&), const char* name) {
    ASSERT(vector >= arch::kFirstDevice + kLines && vector < kVectors);
    vector_handlers[vector] = {handle, name};
}

const arch::TrapFrame* current_frame() { return arch::this_cpu_read(interrupted); }

bool irq_info(unsigned index, IrqInfo& info) {
    unsigned seen = 0;
    for (unsigned vector = arch::kFirstDevice; vector < kVectors; vector++) {
        const unsigned line = vector - arch::kFirstDevice;
        const bool is_line = line < kLines;
        const char* name = is_line ? (lines[line].handlers ? lines[line].handlers->name : nullptr)
                                   : vector_handlers[vector].name;
        if (name == nullptr || seen++ != index) continue;
        info.vector = vector;
        info.name = name;
        info.chip = is_line ? "IO-APIC" : "";
        if (is_line) {
            format_to(info.label, "%u", line);
        } else {
            format_to(info.label, "%s",
                      vector == arch::kTimerVector        ? "LOC"
                      : vector == arch::kRescheduleVector ? "RES"
                                                          : "CAL");
        }
        return true;
    }
    return false;
}

u64 vector_count(unsigned vector, unsigned cpu) { return per_cpu(counts, cpu).count[vector]; }

u64 total_interrupts() {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        for (u32 count : per_cpu(counts, cpu).count) sum += count;
    });
    return sum;
}

u64 spurious_interrupts() { return spurious.load(std::memory_order_relaxed); }

void init(Result<void*> (*map)(PhysAddr at, usize bytes)) {
    arch::pic_disable();
    const u64 local = arch::acpi_info.local_apic != 0 ? arch::acpi_info.local_apic : 0xfee0'0000;
    Result<void*> registers = map(PhysAddr(local), kPageSize);
    if (!registers.ok()) panic("the local APIC cannot be mapped: %s", registers.error());
    arch::apic_init(registers.value());
    for (u32 i = 0; i < arch::acpi_info.ioapic_count; i++) {
        const auto& io = arch::acpi_info.ioapics[i];
        Result<void*> window = map(PhysAddr(io.address), kPageSize);
        if (window.ok()) arch::ioapic_add(window.value(), io.first_gsi);
    }
    if (arch::acpi_info.ioapic_count == 0) {
        printk(Level::Warning, "ACPI describes no I/O APIC: devices cannot interrupt");
    }
}

}  // namespace irq

void upcall::device_interrupt(arch::TrapFrame& frame, unsigned vector) {
    const bool was_idle = context::irq_enter();
    const arch::TrapFrame* const outer = arch::this_cpu_read(irq::interrupted);
    arch::this_cpu_write(irq::interrupted, static_cast<const arch::TrapFrame*>(&frame));
    arch::this_cpu_add(preempt_count, kHardirqOffset);
    this_cpu(irq::counts).count[vector]++;
    add_interrupt_randomness(vector);
    irq::dispatch(frame, vector);
    arch::this_cpu_add(preempt_count, -kHardirqOffset);
    arch::this_cpu_write(irq::interrupted, outer);
    context::irq_exit(was_idle);
}
