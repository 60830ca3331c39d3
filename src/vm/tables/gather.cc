// TlbGather: where pages wait until no processor can reach them any more. See tlb.h.

#include "vm/tables/tlb.h"

#include <array>

#include "vm/lru.h"

namespace vm {

namespace {

void put_all(mm::Page** from, mm::Page** to) { release_pages(std::span(from, to)); }

}  // namespace

/// More room: a page full of pointers. Under a spin lock mostly, so it must not wait; without it
/// the gather is full earlier.
bool TlbGather::extend() {
    if (batches_.size() == kMostBatches) return false;
    using enum mm::Gfp;
    Result<mm::Page*> page = mm::alloc_page(Atomic | NoWarn);
    if (!page.ok()) return false;
    batches_.push_back(*page.value());
    next_ = mm::bytes_of<mm::Page*>(*page.value());
    stop_ = next_ + kBatchPages;
    return true;
}

void TlbGather::flush() {
    if (start_ != end_) {
        flush_tlb_range(mm_, start_, end_, tables_.empty() ? Tables::Kept : Tables::Freed);
    }
    start_ = end_;
    // All but the last batch are full.
    put_all(own_, batches_.empty() ? next_ : std::end(own_));
    while (mm::Page* batch = batches_.pop_front()) {
        mm::Page** first = mm::bytes_of<mm::Page*>(*batch);
        put_all(first, batches_.empty() ? next_ : first + kBatchPages);
        mm::free_pages(*batch, 0);
    }
    next_ = own_;
    stop_ = std::end(own_);
    free_tables(tables_);
}

}  // namespace vm
