// Non-maskable interrupts. Linux: arch/x86/kernel/nmi.c.
//
// An NMI may have interrupted anything, the console's own code included. So it only notes what it
// saw and asks for an ordinary interrupt, which tells the log as soon as interrupts are on. A
// machine check is told by the panic that it ends in.

#include "core/irq/nmi.h"

#include "arch/apic.h"
#include "arch/power.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "core/irq/entry.h"
#include "core/irq/ipi.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/preempt.h"

namespace irq {

namespace {

PER_CPU u32 unreported = 0;
PER_CPU u32 last_reason = 0;

constexpr u32 kParity = 0x80, kIoCheck = 0x40;

const char* meaning_of(u32 reason) {
    if (reason & kParity) return "memory parity or system error";
    if (reason & kIoCheck) return "I/O channel check";
    return "unknown reason";
}

void report_nmis(arch::TrapFrame&) {
    const u32 count = arch::this_cpu_read(unreported);
    if (count == 0) return;
    arch::this_cpu_add(unreported, -count);
    const u32 reason = arch::this_cpu_read(last_reason);
    printk(Level::Emerg, "NMI: %s (%#04x) on CPU %u, %u since the last report", meaning_of(reason),
           reason, cpu_id(), count);
}

/// Machine checks, for the panic that follows; a processor may have interrupted the log.
struct BankReport {
    u32 cpu, bank;
    u64 status, address;
};
constexpr u32 kMaxReports = 8;
constinit BankReport reports[kMaxReports] = {};
constinit std::atomic<u32> report_count{0};

void describe_machine_checks() {
    const u32 count = std::min(report_count.load(std::memory_order_acquire), kMaxReports);
    for (u32 i = 0; i < count; i++) {
        const BankReport& report = reports[i];
        printk(Level::Emerg, "Machine check: CPU %u bank %u: status %016x address %016x",
               report.cpu, report.bank, report.status, report.address);
    }
}

}  // namespace

void init_nmi() {
    panic_describe_machine = describe_machine_checks;
    set_vector_handler(arch::kNmiReportVector, report_nmis, "NMI reports");
}

}  // namespace irq

void upcall::nmi(arch::TrapFrame&, u8 reason) {
    if (is_anyone_panicking()) arch::halt_forever();  // and wants silence
    arch::this_cpu_add(preempt_count, kNmiOffset);
    irq::count_vector(arch::kNmi);
    arch::this_cpu_write(irq::last_reason, u32{reason});
    arch::this_cpu_add(irq::unreported, 1);
    arch::apic_send_self(arch::kNmiReportVector);
    arch::this_cpu_add(preempt_count, -kNmiOffset);
}

void upcall::machine_check(u32 bank, u64 status, u64 address) {
    add_taint(Taint::MachineCheck);
    const u32 at = irq::report_count.load(std::memory_order_relaxed);
    if (at >= irq::kMaxReports) return;
    irq::reports[at] = {.cpu = cpu_id(), .bank = bank, .status = status, .address = address};
    irq::report_count.store(at + 1, std::memory_order_release);
}
