// /proc/interrupts, and the `intr` line of /proc/stat. Programs take them apart by column, so they
// look as Linux' do: kernel/irq/proc.c, arch/x86/kernel/irq.c.
#include "arch/vectors.h"
#include "core/irq/entry.h"
#include "core/irq/ipi.h"
#include "core/irq/irq_desc.h"
#include "fs/procfs/system.h"

namespace procfs {
namespace {

using irq::IrqDesc;

bool has_counts(unsigned number) {
    bool any = false;
    for_each_cpu(online_cpus, [&](unsigned cpu) { any |= irq::irq_count(number, cpu) != 0; });
    return any;
}

/// The names are printed under the lock: free_irq() may be waiting to let one go.
void print_actions(SeqFile& out, IrqDesc& desc) {
    IrqGuard guard(desc.lock);
    for (const irq::IrqAction* action = desc.action; action; action = action->next) {
        out.print("%s %s", action == desc.action ? " " : ",", action->name);
    }
}

void print_irq(SeqFile& out, IrqDesc& desc) {
    if (!desc.action && !has_counts(desc.irq)) return;
    out.print("%3u: ", desc.irq);
    for_each_cpu(online_cpus,
                 [&](unsigned cpu) { out.print("%10u ", irq::irq_count(desc.irq, cpu)); });
    out.print(" %8s %3u-%-8s", desc.data.chip->name, desc.data.hwirq, desc.flow_name);
    print_actions(out, desc);
    out.print("\n");
}

template <class Count>
void print_row(SeqFile& out, const char* label, const char* meaning, Count count) {
    out.print("%3s: ", label);
    for_each_cpu(online_cpus, [&](unsigned cpu) { out.print("%10u ", count(cpu)); });
    out.print("  %s\n", meaning);
}

auto count_of(unsigned vector) {
    return [vector](unsigned cpu) { return irq::vector_count(vector, cpu); };
}

}  // namespace

Result<void> show_interrupts(SeqFile& out, void*) {
    out.print("%11s", "");
    for_each_cpu(online_cpus, [&](unsigned cpu) { out.print("CPU%-8u", cpu); });
    out.print("\n");
    for (unsigned number = 0; number < irq::kMaxIrqs; number++) {
        if (IrqDesc* desc = irq::irq_to_desc(number)) print_irq(out, *desc);
    }
    print_row(out, "NMI", "Non-maskable interrupts", count_of(arch::kNmi));
    print_row(out, "LOC", "Local timer interrupts", count_of(arch::kTimerVector));
    print_row(out, "SPU", "Spurious interrupts", count_of(arch::kSpuriousVector));
    print_row(out, "IWI", "IRQ work interrupts", count_of(arch::kIrqWorkVector));
    print_row(out, "RES", "Rescheduling interrupts", count_of(arch::kRescheduleVector));
    // The TLB's calls arrive by the same vector; Linux tells them apart, too.
    print_row(out, "CAL", "Function call interrupts", [](unsigned cpu) {
        return irq::vector_count(arch::kCallVector, cpu) - irq::tlb_shootdowns(cpu);
    });
    print_row(out, "TLB", "TLB shootdowns", irq::tlb_shootdowns);
    print_row(out, "MCE", "Machine check exceptions", count_of(arch::kMachineCheck));
    out.print("ERR: %10u\nMIS: %10u\n", irq::interrupt_errors(), 0);
    return {};
}

void print_interrupt_totals(SeqFile& out) {
    u64 sum = irq::interrupt_errors();
    for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += irq::total_interrupts(cpu); });
    out.print("intr %lu", sum);
    for (unsigned number = 0; number < irq::kMaxIrqs; number++) {
        u64 count = 0;
        for_each_cpu(possible_cpus, [&](unsigned cpu) { count += irq::irq_count(number, cpu); });
        out.print(" %lu", count);
    }
    out.print("\n");
}

}  // namespace procfs
