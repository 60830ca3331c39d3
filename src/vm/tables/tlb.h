/// TLB shootdown: after an entry became weaker, no processor may go on using the old one.
///
/// The order that makes it work: change the entry; flush; only then let go of what the entry led
/// to. TlbGather keeps pages and tables in that waiting room. A processor that loads an address
/// space first enters itself in mm.cpus and then loads the tables, so it is either told or sees
/// the changed entry.
#pragma once

#include "vm/tables/page_walk.h"

namespace vm {

/// Whether page tables are about to be freed, which even a processor that does not use an address
/// space may walk ahead of need as long as it has it loaded.
enum class Tables : u8 { Kept, Freed };

/// Makes every processor that uses `mm` forget its translations of [start, end); the others will
/// before they use it again (loaded.h). Returns when they have. Interrupts must be on, and no spin
/// lock may be held: the others answer with an interrupt.
void flush_tlb_range(MmStruct& mm, VirtAddr start, VirtAddr end, Tables tables = Tables::Kept);

/// The same for kernel addresses, on all processors.
void flush_tlb_kernel_range(VirtAddr start, VirtAddr end);

/// Makes every processor that has `mm` loaded, without a task that lives there, use the kernel's
/// tables instead. For an address space that nobody lives in any more.
void leave_mm_everywhere(MmStruct& mm);

/// Makes every processor that has `mm` loaded load its LDT, which is another one now, and with it
/// DS and ES. As flush_tlb_range().
void reload_ldt_everywhere(MmStruct& mm);

/// Loads `mm`'s page tables and LDT on this processor. Interrupts are off.
void load_mm(MmStruct& mm);

/// Collects pages that have lost an entry until the TLBs have been flushed. Linux' struct
/// mmu_gather.
///
///     TlbGather gather(mm);
///     { IrqGuard guard(mm.page_table_lock); … gather.note(at); gather.add(page); … }
///     if (gather.is_full()) gather.flush();
///
/// flush() and the destructor want no spin lock held.
class TlbGather {
public:
    explicit TlbGather(MmStruct& mm) : mm_(mm) {}
    ~TlbGather() { flush(); }
    TlbGather(const TlbGather&) = delete;

    /// An entry that was present, for `at`, is gone or weaker.
    void note(VirtAddr at) {
        if (start_ == end_) start_ = end_ = at;
        if (at < start_) start_ = at;
        if (end_ < at + kPageSize) end_ = at + kPageSize;
    }
    /// Keeps the reference that the entry held on `page`. Not if is_full().
    void add(mm::Page& page) { *next_++ = &page; }
    bool is_full() { return next_ == stop_ && !extend(); }

    /// Whoever frees tables puts them here, and notes the addresses.
    PageList& tables() { return tables_; }

    /// Flushes what was noted, then lets go of the pages and tables.
    void flush();

private:
    static constexpr usize kOwnPages = 16;
    static constexpr usize kBatchPages = kPageSize / sizeof(mm::Page*);
    static constexpr usize kMostBatches = 20;  // so that no flush waits for more than 40 MiB
    bool extend();

    MmStruct& mm_;
    VirtAddr start_, end_;    // equal: nothing noted
    mm::Page** next_ = own_;  // free room in own_ or the last of batches_
    mm::Page** stop_ = own_ + kOwnPages;
    PageList batches_;  // full of pointers, once own_ is full
    PageList tables_;
    mm::Page* own_[kOwnPages];
};

}  // namespace vm
