// mmap(): a new area.

#include <array>

#include "abi/mman.h"
#include "arch/layout.h"
#include "vm/overcommit.h"
#include "vm/shmem.h"
#include "vm/zap.h"

namespace vm {

namespace {

u32 flags_from_prot(u32 prot) {
    return (prot & abi::PROT_READ ? kVmRead : 0u) | (prot & abi::PROT_WRITE ? kVmWrite : 0u) |
           (prot & abi::PROT_EXEC ? kVmExec : 0u);
}

/// The VmFlags of the area that is asked for. EACCES, EPERM if the file does not allow them; EPERM,
/// EAGAIN if it may not be locked.
Result<u32> area_flags(const MmStruct& mm, const MapRequest& request, u64 bytes) {
    u32 flags = flags_from_prot(request.prot) | request.extra_flags | mm.default_flags;
    const bool shared = (request.map_flags & abi::MAP_TYPE) != abi::MAP_PRIVATE;
    const bool may_write = !shared || !request.file || request.file_writable;
    if (shared) flags |= kVmShared;
    if (shared && !may_write && (flags & kVmWrite)) return EACCES;
    if (!request.file_executable && (flags & kVmExec)) return EPERM;
    flags |= kVmMayRead;
    if (may_write) flags |= kVmMayWrite;
    if (request.file_executable) flags |= kVmMayExec;
    if (request.map_flags & abi::MAP_GROWSDOWN) flags |= kVmGrowsDown;
    if (request.map_flags & abi::MAP_LOCKED) flags |= kVmLocked;
    if ((request.map_flags & abi::MAP_LOCKED) && !can_do_mlock()) return EPERM;
    if ((flags & kVmLocked) && !may_lock_more(mm, bytes >> kPageShift)) return EAGAIN;
    const bool is_strict = overcommit_memory.load() == static_cast<u32>(Overcommit::Never);
    if ((request.map_flags & abi::MAP_NORESERVE) && !is_strict) flags |= kVmNoReserve;
    return flags & ~request.denied_flags;
}

/// File offsets are signed: 2^63 bytes.
constexpr u64 kMaxFilePages = u64{1} << (63 - kPageShift);

/// EINVAL, ENOMEM, EOVERFLOW: what is wrong with a request whatever is mapped already.
Result<void> check_request(const MapRequest& request, u64 bytes) {
    const u32 type = request.map_flags & abi::MAP_TYPE;
    if (type == 0 || type > abi::MAP_SHARED_VALIDATE) return EINVAL;
    if (type == abi::MAP_SHARED_VALIDATE && (request.map_flags & abi::MAP_ANONYMOUS)) return EINVAL;
    const bool grows = request.map_flags & abi::MAP_GROWSDOWN;
    if (grows && (type != abi::MAP_PRIVATE || request.file)) return EINVAL;
    if (request.bytes == 0) return EINVAL;
    if (bytes == 0 || bytes > arch::kUserEnd.raw()) return ENOMEM;  // 0: rounding up wrapped
    if (request.page_offset + (bytes >> kPageShift) < request.page_offset) return EOVERFLOW;
    const u64 end_page = request.page_offset + (bytes >> kPageShift);
    if (request.file && end_page > kMaxFilePages) return EOVERFLOW;
    if (request.map_flags & abi::MAP_HUGETLB) return ENOMEM;  // no page of that size is set aside
    return {};
}

constexpr u32 kFixed = abi::MAP_FIXED | abi::MAP_FIXED_NOREPLACE;

/// Where the area is to lie. mmap_lock is held for writing.
Result<VirtAddr> choose_place(MmStruct& mm, const MapRequest& request, u64 bytes) {
    if (!(request.map_flags & kFixed)) {
        const bool low = request.map_flags & abi::MAP_32BIT;
        return get_unmapped_area(mm, request.at, bytes, low ? Below::TwoGib : Below::UserEnd);
    }
    if (!arch::is_user_range(request.at, bytes)) return ENOMEM;
    if (!is_aligned(request.at.raw(), kPageSize)) return EINVAL;
    if (request.at < arch::kUserMin) return EPERM;
    const bool keep = request.map_flags & abi::MAP_FIXED_NOREPLACE;
    if (keep && !is_range_free(mm, request.at, request.at + bytes)) return EEXIST;
    return request.at;
}

/// Pages of [start, end) that are in areas: they make room when it is mapped over.
u64 pages_within(MmStruct& mm, VirtAddr start, VirtAddr end) {
    u64 count = 0;
    for (VmArea* area = mm.find_vma(start); area && area->start < end;
         area = mm.areas.next(*area)) {
        count += (std::min(end, area->end) - std::max(start, area->start)) >> kPageShift;
    }
    return count;
}

/// Puts the area into place. The old mappings there go only when nothing can fail any more.
Result<VirtAddr> map_area(MmStruct& mm, const MapRequest& request, u64 bytes, AreaList& dead) {
    const u32 flags = TRY(area_flags(mm, request, bytes));
    const VirtAddr at = TRY(choose_place(mm, request, bytes));
    if (mm.area_count >= kMaxMapCount) return ENOMEM;
    TRY(may_expand(mm, (bytes >> kPageShift) - pages_within(mm, at, at + bytes), flags));

    MappedFile* file = request.file;
    MappedFile* own_memory = nullptr;
    if (!file && (flags & kVmShared)) file = own_memory = TRY(make_shmem_file(bytes));
    const u64 offset = own_memory ? 0 : request.page_offset;
    Result<VmArea*> made = alloc_area(mm, {at, at + bytes, flags, offset, file});
    if (own_memory) own_memory->put();  // now the area has it, or nobody
    VmArea& area = *TRY(std::move(made));

    const Result<void> cleared = do_munmap(mm, at, at + bytes, dead);
    if (!cleared.ok()) {
        dead.push_back(area.mapping_link);
        return cleared.error();
    }
    insert_area(area);
    merge_area(area);
    return at;
}

}  // namespace

Result<VirtAddr> MmStruct::mmap(const MapRequest& request) {
    const u64 bytes = align_up(request.bytes, kPageSize);
    TRY(check_request(request, bytes));
    AreaList dead;
    mmap_lock.down_write();
    Result<VirtAddr> at = map_area(*this, request, bytes, dead);
    const bool locked = default_flags & kVmLocked;
    mmap_lock.up_write();
    free_dead_areas(dead);
    if (!at.ok()) return at;

    // Bringing the pages in is a favour: errors show up when they are touched.
    const bool wanted = locked || (request.map_flags & (abi::MAP_POPULATE | abi::MAP_LOCKED));
    if (wanted && !(request.map_flags & abi::MAP_NONBLOCK)) {
        static_cast<void>(populate(at.value(), at.value() + bytes, Populate::AsMapped));
    }
    return at;
}

}  // namespace vm
