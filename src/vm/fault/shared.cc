// Writes to pages of a file that others see, too: the file system hears of the first one, before
// the page can become dirty. Linux: do_shared_fault(), wp_page_shared().

#include "vm/fault/fault.h"

namespace vm {

namespace {

/// The page is dirty and locked, so it stays both: the entry may allow writing. False: the entry is
/// not what the fault saw.
void allow_writing(const Fault& fault, mm::Page& page) {
    IrqGuard guard(fault.mm.page_table_lock);
    if (read_pte(fault.entry).bits != fault.seen.bits || page.mapping != mapping_of(fault.area)) {
        return;
    }
    set_pte(fault.entry, Pte::to(mm::pfn_of(page), entry_flags(fault.area) | kWriteRights));
    if (!fault.seen.is_none()) return;
    mm::get_page(page);
    page_add_file_rmap(page);
    RssDelta rss;
    rss.add(page, 1);
    rss.apply(fault.mm);
}

}  // namespace

Result<FaultKind> do_shared_write(const Fault& fault, mm::Page& page) {
    AddressSpace& mapping = *mapping_of(fault.area);
    const Result<void> begun = mapping.begin_mapped_write(page);
    if (!begun.ok() && begun.error() == EAGAIN) return FaultKind::Minor;
    TRY(begun);
    allow_writing(fault, page);
    mapping.unlock_page(page);
    return FaultKind::Minor;
}

}  // namespace vm
