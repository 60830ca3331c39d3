// Reading and writing the memory of another process.

#include <array>

#include "lib/string.h"
#include "vm/fault/fault.h"
#include "vm/huge/huge.h"

namespace vm {

namespace {

/// The page at `at`, made present for the access, with a reference; null: the zero page. A debugger
/// may write where the program may not, but then only to a private copy. EFAULT, ENOMEM, …
Result<mm::Page*> get_user_page(MmStruct& mm, VirtAddr at, bool write, Rights rights) {
    using enum upcall::Access;
    for (;;) {
        VmArea* area = mm.find_vma(at);
        if (!area || at < area->start || (area->flags & kVmPfnMap)) return EFAULT;
        if (write && area->is_shared() && !(area->flags & kVmWrite)) return EACCES;
        TRY(fault_in_area(mm, *area, at, write ? Write : Read, rights));

        IrqGuard guard(mm.page_table_lock);
        const Pte now = user_entry(mm, at);
        if (now.is_none() || is_busy(now) || is_swap(now)) continue;
        if (now.special() && write) continue;
        if (now.special()) return static_cast<mm::Page*>(nullptr);
        mm::Page& page = mm::page_of(now.pfn());
        const bool own = page.has(mm::kPageAnon) || area->is_shared();
        if (write && !own) continue;
        const bool is_shared_still = (area->flags & kVmWrite) && !now.writable();
        if (write && is_shared_still) continue;
        mm::get_page(page);
        return &page;
    }
}

/// Moves bytes of one page.
void move(mm::Page* page, usize offset, std::span<std::byte> bytes, bool write) {
    if (!page) {
        memset(bytes.data(), 0, bytes.size());
    } else if (write) {
        memcpy(mm::bytes_of(*page) + offset, bytes.data(), bytes.size());
        page->set(mm::kPageDirty);  // it may be on its way to swap space
    } else {
        memcpy(bytes.data(), mm::bytes_of(*page) + offset, bytes.size());
    }
}

usize access(MmStruct& mm, VirtAddr at, std::span<std::byte> bytes, bool write, Rights rights) {
    usize done = 0;
    while (done < bytes.size()) {
        const VirtAddr here = at + done;
        if (here < at) break;  // wrapped
        const usize offset = here.raw() % kPageSize;
        const usize count = std::min(bytes.size() - done, kPageSize - offset);
        sched::ReadGuard guard(mm.mmap_lock);
        Result<mm::Page*> page = get_user_page(mm, page_down(here), write, rights);
        if (!page.ok()) break;
        move(page.value(), offset, bytes.subspan(done, count), write);
        if (page.value()) mm::put_page(*page.value());
        done += count;
    }
    return done;
}

}  // namespace

usize MmStruct::access_remote(VirtAddr at, std::span<std::byte> bytes, bool write) {
    return access(*this, at, bytes, write, Rights::Possible);
}

usize MmStruct::access_allowed(VirtAddr at, std::span<std::byte> bytes, bool write) {
    return access(*this, at, bytes, write, Rights::Present);
}

}  // namespace vm
