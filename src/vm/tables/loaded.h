/// Which page tables a processor has loaded, and how much of their history its TLB knows.
///
/// Every change of an address space that makes an entry weaker counts MmStruct::tlb_gen up. A
/// processor notes up to where it has followed. Whoever comes back to an address space compares the
/// two numbers: equal, its translations are good; else it empties the TLB once, however much was
/// changed meanwhile. So nobody needs to be told who is not looking:
///   - a processor that has gone on to another address space, and, where it has PCID, kept the
///     translations of the last few apart from each other (`slots`);
///   - a kernel thread that has the tables on loan, since it touches no user memory (`is_lazy`).
///
/// Linux: arch/x86/mm/tlb.c, cpu_tlbstate. Everything here is changed by its own processor with
/// interrupts off; only `is_lazy` is read by others.
#pragma once

#include <atomic>

#include "core/percpu/percpu.h"
#include "vm/mm_struct.h"

namespace vm {

/// Address spaces whose translations a processor keeps at a time.
inline constexpr u32 kTlbSlots = 6;

struct TlbState {
    /// The address space whose tables are loaded, with a pin; null: the kernel's own.
    MmStruct* loaded = nullptr;
    /// `loaded` is only on loan. Set: nobody tells us of changes, except that tables are freed.
    std::atomic<u32> is_lazy{0};
    u32 slot = 0;       // of `loaded`
    u32 next_slot = 0;  // is given away next
    struct Slot {
        u64 context_id = 0;  // whose translations these are: MmStruct::context_id, 0: nobody's
        u64 tlb_gen = 0;     // up to where they follow its changes
    } slots[kTlbSlots];
};
extern TlbState tlb_state;  // per-CPU

/// A number for MmStruct::context_id that no other address space has or had.
u64 new_context_id();

/// Goes over to the kernel's own tables. Interrupts are off.
void leave_mm();

}  // namespace vm
