// Loading page tables: what a task switch does about address spaces.

#include "vm/tables/loaded.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "lib/lab.h"
#include "sched/task.h"
#include "vm/ldt.h"
#include "vm/tables/tlb.h"
#include "vm/tables/tlb_trace.h"

namespace vm {

PER_CPU TlbState tlb_state{};

namespace {

constinit std::atomic<u64> last_context_id{0};

/// What CR3 is to hold for tables in `slot`. PCID 0 is the kernel's own; without PCID all are 0.
[[maybe_unused]] u64 cr3_for(const mm::PageTable& table, u32 slot) {
    const u64 pcid = arch::cpu_features.pcid ? slot + 1 : 0;
    return arch::virt_to_phys(&table).raw() | pcid;
}

/// LAB paging, task 6 "TLB" (handouts/04-paging.md). Write the body.
///   Before  interrupts are off.
///   After   state.slot is the slot that has the translations of `mm`, or else, where there is
///           PCID, the next to be given away, which is `mm`'s now. Without PCID there is one slot.
///           True if what the TLB has under that number is good: it is of `mm`, and up to
///           `tlb_gen`; never without PCID. The slot's own tlb_gen is load_mm()'s business.
///   Use     arch::cpu_features.pcid, kTlbSlots, MmStruct::context_id.
///   Check   `make grade LAB=paging T=tlb`
///   Think   why are address spaces told apart by a number, and not by their address?
[[maybe_unused]] bool choose_slot(TlbState& state, const MmStruct& mm, u64 tlb_gen) {
#ifdef SOLVED_PAGING
    if (arch::cpu_features.pcid) {
        for (u32 i = 0; i < kTlbSlots; i++) {
            if (state.slots[i].context_id != mm.context_id) continue;
            state.slot = i;
            return state.slots[i].tlb_gen == tlb_gen;
        }
        state.slot = state.next_slot;
        state.next_slot = (state.next_slot + 1) % kTlbSlots;
    }
    state.slots[state.slot].context_id = mm.context_id;
    return false;
#else
    lab_todo("paging", "choose_slot");
#endif
}

/// LAB paging, task 6 "TLB" (handouts/04-paging.md). Write the body.
///   Before  interrupts are off; `mm` is loaded, on loan.
///   After   it is no longer on loan, and this processor has no translation that a change made
///           wrong.
///   Use     is_lazy, mm.tlb_gen, arch::write_cr3(arch::read_cr3()), which empties the TLB,
///           trace_tlb_flush(TlbReason::TaskSwitch, kTlbAll).
///   Check   `make grade LAB=paging T=tlb`
///   Think   somebody changes an entry at this very moment. Either he sees that we are back, or we
///           see his number: in which order?
void return_from_lazy(TlbState& state, const MmStruct& mm) {
#ifdef SOLVED_PAGING
    state.is_lazy.store(0, std::memory_order_seq_cst);
    const u64 tlb_gen = mm.tlb_gen.load(std::memory_order_seq_cst);
    u64& known = state.slots[state.slot].tlb_gen;
    if (known == tlb_gen) return;
    arch::write_cr3(arch::read_cr3());
    known = tlb_gen;
    trace_tlb_flush(TlbReason::TaskSwitch, kTlbAll);
#else
    lab_todo("paging", "return_from_lazy");
#endif
}

}  // namespace

u64 new_context_id() { return last_context_id.fetch_add(1, std::memory_order_relaxed) + 1; }

void leave_mm() {
    TlbState& state = this_cpu(tlb_state);
    MmStruct* mm = state.loaded;
    arch::write_cr3(arch::virt_to_phys(&mm::kernel_page_table()).raw());
    state.loaded = nullptr;
    state.is_lazy.store(0, std::memory_order_relaxed);
    switch_ldt(nullptr);
    mm->cpus.clear(cpu_id());
    mm->drop();
}

/// LAB paging, task 6 "TLB" (handouts/04-paging.md). Write the body.
///   Before  interrupts are off.
///   After   the tables and the LDT of `mm` are loaded, not on loan, with a pin (grab()); the TLB
///           is emptied only if choose_slot() says so, and the slot knows up to where it follows.
///           This processor is in mm.cpus before it can translate anything; it is out of that of
///           the old address space, whose pin is dropped, when nothing of it is loaded any more.
///   Use     MmStruct::grab(), drop(), mm.cpus, choose_slot(), cr3_for(), arch::write_cr3(),
///           arch::kCr3NoFlush, switch_ldt(), trace_tlb_flush() as above.
///   Check   `make grade LAB=paging T=tlb`
///   Think   a change is made between mm.cpus and CR3. Who sees it?
void load_mm(MmStruct& mm) {
#ifdef SOLVED_PAGING
    TlbState& state = this_cpu(tlb_state);
    MmStruct* old = state.loaded;
    const unsigned cpu = cpu_id();
    mm.grab();
    mm.cpus.set(cpu);  // first: from here on we are told of changes; what came before we see
    const u64 tlb_gen = mm.tlb_gen.load(std::memory_order_seq_cst);
    const bool is_known = choose_slot(state, mm, tlb_gen);
    arch::write_cr3(cr3_for(*mm.page_table, state.slot) | (is_known ? arch::kCr3NoFlush : 0));
    state.slots[state.slot].tlb_gen = tlb_gen;
    state.loaded = &mm;
    state.is_lazy.store(0, std::memory_order_relaxed);
    if (!is_known) trace_tlb_flush(TlbReason::TaskSwitch, kTlbAll);
    switch_ldt(mm.ldt.load(std::memory_order_acquire));
    if (old) {
        old->cpus.clear(cpu);
        old->drop();
    }
#else
    lab_todo("paging", "load_mm");
#endif
}

/// A CR3 write is dear, so it is avoided: not for a kernel thread, which touches no user memory,
/// and not when the same address space comes back after one.
void switch_mm(sched::Task&, sched::Task& next) {
    TlbState& state = this_cpu(tlb_state);
    MmStruct* mm = next.mm;
    if (!mm) {
        state.is_lazy.store(1, std::memory_order_relaxed);
    } else if (mm != state.loaded) {
        load_mm(*mm);
    } else if (state.is_lazy.load(std::memory_order_relaxed)) {
        return_from_lazy(state, *mm);
    }
    next.active_mm = state.loaded;
}

}  // namespace vm
