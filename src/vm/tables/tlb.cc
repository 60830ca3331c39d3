// Which page tables a processor has loaded, and telling it that they have changed.

#include "vm/tables/tlb.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/user_segment.h"
#include "core/irq/ipi.h"
#include "core/percpu/percpu.h"
#include "sched/sched.h"
#include "sched/task.h"
#include "vm/ldt.h"

namespace vm {

namespace {

/// More pages than this are not worth an invlpg each. Linux: tlb_single_page_flush_ceiling.
constexpr u64 kSingleFlushes = 33;

/// The address space whose tables this processor has loaded, with a pin; null: the kernel's own.
/// Changed with interrupts off.
PER_CPU MmStruct* loaded_mm = nullptr;

struct FlushRequest {
    MmStruct* mm;
    VirtAddr start, end;
    u32 from;  // who asks
};

void flush_local(VirtAddr start, VirtAddr end) {
    if ((end - start) >> kPageShift > kSingleFlushes) return arch::write_cr3(arch::read_cr3());
    for (VirtAddr at = start; at < end; at += kPageSize) arch::invlpg(at);
}

/// Goes over to the kernel's own tables. Interrupts are off.
void leave_mm() {
    MmStruct* mm = arch::this_cpu_read(loaded_mm);
    arch::write_cr3(arch::virt_to_phys(&mm::kernel_page_table()).raw());
    arch::this_cpu_write(loaded_mm, static_cast<MmStruct*>(nullptr));
    switch_ldt(nullptr);
    mm->cpus.clear(cpu_id());
    mm->drop();
}

/// On a processor in mm.cpus. A kernel thread that has the tables only on loan does not need to
/// hear of the next changes: it gives them back.
void flush_here(void* argument) {
    const FlushRequest& request = *static_cast<const FlushRequest*>(argument);
    if (request.from != cpu_id()) irq::count_tlb_shootdown();
    IrqOffGuard irqs_off;
    if (arch::this_cpu_read(loaded_mm) != request.mm) return;
    if (sched::current().mm == request.mm) {
        flush_local(request.start, request.end);
    } else {
        leave_mm();
    }
}

void leave_here(void* argument) {
    IrqOffGuard irqs_off;
    if (arch::this_cpu_read(loaded_mm) == argument) leave_mm();
}

void reload_ldt_here(void* argument) {
    IrqOffGuard irqs_off;
    MmStruct& mm = *static_cast<MmStruct*>(argument);
    if (arch::this_cpu_read(loaded_mm) != &mm) return;
    switch_ldt(mm.ldt.load(std::memory_order_acquire));
    arch::refresh_ldt_segments();
}

/// Runs `fn` on the processors in `mm.cpus`, this one included.
void call_on_users(MmStruct& mm, void (*fn)(void*), void* argument) {
    PreemptGuard stay_here;
    // The entries were changed before; look at the mask only after that is visible.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const u64 bits = mm.cpus.bits(), own = u64{1} << cpu_id();
    if (bits & own) fn(argument);
    if (bits & ~own) irq::call_on_cpus(bits & ~own, fn, argument);
}

void flush_kernel_here(void* argument) {
    const FlushRequest& request = *static_cast<const FlushRequest*>(argument);
    // Kernel translations are global: reloading CR3 would keep them.
    for (VirtAddr at = request.start; at < request.end; at += kPageSize) arch::invlpg(at);
}

}  // namespace

void flush_tlb_range(MmStruct& mm, VirtAddr start, VirtAddr end) {
    PreemptGuard stay_here;
    FlushRequest request{&mm, start, end, cpu_id()};
    call_on_users(mm, flush_here, &request);
}

void flush_tlb_kernel_range(VirtAddr start, VirtAddr end) {
    PreemptGuard stay_here;
    FlushRequest request{nullptr, start, end, cpu_id()};
    flush_kernel_here(&request);
    const u64 others = online_cpus.bits() & ~(u64{1} << cpu_id());
    if (others) irq::call_on_cpus(others, flush_kernel_here, &request);
}

void leave_mm_everywhere(MmStruct& mm) { call_on_users(mm, leave_here, &mm); }

void reload_ldt_everywhere(MmStruct& mm) { call_on_users(mm, reload_ldt_here, &mm); }

void load_mm(MmStruct& mm) {
    MmStruct* old = arch::this_cpu_read(loaded_mm);
    const unsigned cpu = cpu_id();
    mm.grab();
    mm.cpus.set(cpu);  // first: from here on we are told of changes
    arch::write_cr3(arch::virt_to_phys(mm.page_table).raw());
    arch::this_cpu_write(loaded_mm, &mm);
    switch_ldt(mm.ldt.load(std::memory_order_acquire));
    if (old) {
        old->cpus.clear(cpu);
        old->drop();
    }
}

/// A CR3 write empties the TLB, so it is avoided: not for a kernel thread, which touches no user
/// memory, and not when the same address space comes back after one.
void switch_mm(sched::Task&, sched::Task& next) {
    MmStruct* mm = next.mm;
    if (mm && mm != arch::this_cpu_read(loaded_mm)) load_mm(*mm);
    next.active_mm = arch::this_cpu_read(loaded_mm);
}

void TlbGather::flush() {
    if (start_ != end_) flush_tlb_range(mm_, start_, end_);
    start_ = end_;
    for (unsigned i = 0; i < count_; i++) mm::put_page(*pages_[i]);
    count_ = 0;
    free_tables(tables_);
}

}  // namespace vm
