#include "process/futex/futex_key.h"

#include "arch/layout.h"

namespace process {

Result<HeldFutexKey> HeldFutexKey::get(VirtAddr at, FutexScope scope) {
    if (!is_aligned(at.raw(), sizeof(u32))) return EINVAL;
    if (!arch::is_user_range(at, sizeof(u32))) return EFAULT;
    vm::MmStruct& mm = *sched::current().mm;
    const FutexKey own{.object = reinterpret_cast<u64>(&mm), .offset = at.raw()};
    if (scope == FutexScope::Private) return HeldFutexKey(own, nullptr);

    sched::ReadGuard guard(mm.mmap_lock);
    const vm::VmArea* area = mm.find_vma(at);
    if (area == nullptr || !area->contains(at)) return EFAULT;
    vm::AddressSpace* mapping = area->file && area->is_shared() ? area->file->mapping() : nullptr;
    // The same word under its other name is another futex: Linux' FUT_OFF_MMSHARED.
    const FutexKey own_shared{.object = own.object, .offset = own.offset + 1};
    if (mapping == nullptr) return HeldFutexKey(own_shared, nullptr);
    area->file->get();
    const u64 offset = area->index_of(at) * kPageSize + (at.raw() & (kPageSize - 1));
    return HeldFutexKey({.object = reinterpret_cast<u64>(mapping), .offset = offset}, area->file);
}

}  // namespace process
