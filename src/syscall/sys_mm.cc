// System calls on the caller's address space: mmap and its relatives. Man pages: section 2.

#include <array>

#include "abi/fcntl.h"
#include "abi/mman.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "arch/layout.h"
#include "fs/fd_table.h"
#include "mm/slab.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "syscall/syscall.h"
#include "vm/mm_struct.h"

namespace syscall {

namespace {

vm::MmStruct& current_mm() { return *sched::current().mm; }

/// Whether `file` may be mapped as `request` wants, and completes the request. EACCES, EPERM,
/// ENODEV, EINVAL.
Result<void> use_file(fs::File& file, vm::MapRequest& request) {
    const bool shared = (request.map_flags & abi::MAP_TYPE) != abi::MAP_PRIVATE;
    if (!file.may_read()) return EACCES;
    if (shared && (request.prot & abi::PROT_WRITE) && !file.may_write()) return EACCES;
    const bool noexec = file.path.mount && (file.path.mount->flags & abi::MS_NOEXEC);
    if (noexec && (request.prot & abi::PROT_EXEC)) return EPERM;

    vm::AddressSpace* mapping = TRY(file.ops->mmap(file));
    request.file_writable = file.may_write();
    request.file_executable = !noexec;
    if (mapping) {
        request.file = &file;
        return {};
    }
    const u64 bytes = align_up(request.bytes, kPageSize);
    const u64 offset = request.page_offset << kPageShift;
    if (TRY(file.ops->maps_device(file, offset, bytes))) {
        if (!shared) return EINVAL;
        request.file = &file;
        request.extra_flags |= vm::kVmPfnMap | vm::kVmDontExpand | vm::kVmDontDump;
    }
    // Else the file (/dev/zero) stands for zeros: anonymous memory.
    return {};
}

Result<VirtAddr> sys_mmap(VirtAddr at, u64 bytes, u32 prot, u32 flags, int fd, u64 offset) {
    if (!is_aligned(offset, kPageSize)) return EINVAL;
    const u32 type = flags & abi::MAP_TYPE;
    constexpr u32 kAccess = abi::PROT_READ | abi::PROT_WRITE | abi::PROT_EXEC;
    vm::MapRequest request{.at = at,
                           .bytes = bytes,
                           .prot = prot & kAccess,
                           .map_flags = flags,
                           .page_offset = offset >> kPageShift};
    if (flags & abi::MAP_ANONYMOUS) return current_mm().mmap(request);

    Ref<fs::File> file = TRY(fs::fget(fd));
    if (bytes == 0) return EINVAL;
    if (type == 0 || type > abi::MAP_SHARED_VALIDATE) return EINVAL;
    if (type == abi::MAP_SHARED_VALIDATE && (flags & ~abi::kMapKnownFlags)) return EOPNOTSUPP;
    TRY(use_file(*file, request));
    return current_mm().mmap(request);
}

Result<void> sys_munmap(VirtAddr at, u64 bytes) { return current_mm().munmap(at, bytes); }

Result<void> sys_mprotect(VirtAddr at, u64 bytes, u32 prot) {
    return current_mm().mprotect(at, bytes, prot);
}

Result<VirtAddr> sys_mremap(VirtAddr old, u64 old_bytes, u64 new_bytes, u32 flags, VirtAddr to) {
    return current_mm().mremap(old, old_bytes, new_bytes, flags, to);
}

Result<void> sys_madvise(VirtAddr at, u64 bytes, int advice) {
    return current_mm().madvise(at, bytes, advice);
}

Result<VirtAddr> sys_brk(VirtAddr wanted) { return current_mm().brk(wanted); }

Result<void> sys_msync(VirtAddr at, u64 bytes, int flags) {
    return current_mm().msync(at, bytes, flags);
}

/// A page's worth of answers at a time: the vector may be as long as the address space.
Result<void> sys_mincore(VirtAddr at, u64 bytes, VirtAddr vector) {
    if (!is_aligned(at.raw(), kPageSize)) return EINVAL;
    if (!arch::is_user_range(at, bytes)) return ENOMEM;
    u64 pages = align_up(bytes, kPageSize) >> kPageShift;
    if (!arch::is_user_range(vector, pages)) return EFAULT;
    constexpr u64 kChunk = 256;
    u8 answers[kChunk];
    while (pages > 0) {
        const u64 count = std::min(pages, kChunk);
        TRY(current_mm().mincore(at, count, answers));
        TRY(copy_to_user(vector, answers, count));
        at += count * kPageSize;
        vector += count;
        pages -= count;
    }
    return {};
}

/// The whole pages that [at, at + bytes) touches. EINVAL if they wrap, ENOMEM beyond user space.
struct Pages {
    VirtAddr start;
    u64 bytes;
};
Result<Pages> pages_touched(VirtAddr at, u64 bytes) {
    const VirtAddr start = page_down(at);
    const u64 total = align_up(bytes + (at - start), kPageSize);
    if (total < bytes || start + total < start) return EINVAL;
    if (!arch::is_user_range(start, total)) return ENOMEM;
    return Pages{start, total};
}

Result<void> lock_pages(VirtAddr at, u64 bytes, vm::MmStruct::Lock how) {
    const Pages pages = TRY(pages_touched(at, bytes));
    return current_mm().mlock(pages.start, pages.bytes, how);
}

Result<void> sys_mlock(VirtAddr at, u64 bytes) {
    return lock_pages(at, bytes, vm::MmStruct::Lock::On);
}

Result<void> sys_mlock2(VirtAddr at, u64 bytes, u32 flags) {
    using enum vm::MmStruct::Lock;
    if (flags & ~abi::MLOCK_ONFAULT) return EINVAL;
    return lock_pages(at, bytes, flags & abi::MLOCK_ONFAULT ? OnFault : On);
}

Result<void> sys_munlock(VirtAddr at, u64 bytes) {
    const Pages pages = TRY(pages_touched(at, bytes));
    return current_mm().mlock(pages.start, pages.bytes, vm::MmStruct::Lock::Off);
}

Result<void> sys_mlockall(u32 flags) {
    using enum vm::MmStruct::Lock;
    constexpr u32 kKnown = abi::MCL_CURRENT | abi::MCL_FUTURE | abi::MCL_ONFAULT;
    if (flags == 0 || (flags & ~kKnown) || flags == abi::MCL_ONFAULT) return EINVAL;
    vm::MmStruct& mm = current_mm();
    const vm::MmStruct::Lock how = flags & abi::MCL_ONFAULT ? OnFault : On;
    return mm.mlockall(flags & abi::MCL_CURRENT ? how : Off, flags & abi::MCL_FUTURE ? how : Off);
}

Result<void> sys_munlockall() {
    using enum vm::MmStruct::Lock;
    return current_mm().mlockall(Off, Off);
}

constexpr Entry kCalls[] = {
    {9, "mmap", call<sys_mmap>},           {10, "mprotect", call<sys_mprotect>},
    {11, "munmap", call<sys_munmap>},      {12, "brk", call<sys_brk>},
    {25, "mremap", call<sys_mremap>},      {26, "msync", call<sys_msync>},
    {27, "mincore", call<sys_mincore>},    {28, "madvise", call<sys_madvise>},
    {149, "mlock", call<sys_mlock>},       {150, "munlock", call<sys_munlock>},
    {151, "mlockall", call<sys_mlockall>}, {152, "munlockall", call<sys_munlockall>},
    {325, "mlock2", call<sys_mlock2>},
};

}  // namespace

extern constinit const std::span<const Entry> kMmCalls;
constinit const std::span<const Entry> kMmCalls = kCalls;

}  // namespace syscall
