// pagemap: a word for every page of an address space, by its number; and clear_refs, which forgets
// what was used or written. Linux: Documentation/admin-guide/mm/{pagemap,soft-dirty}.rst.
#include "abi/prctl.h"
#include "arch/layout.h"
#include "fs/procfs/pid_entry.h"
#include "lib/parse.h"
#include "lib/scope_guard.h"
#include "mm/slab.h"
#include "process/ptrace/ptrace.h"
#include "vm/clear_refs.h"
#include "vm/huge/huge.h"
#include "vm/swap/swap_entry.h"

namespace procfs {
namespace {

// A word of pagemap; below these the frame's number, or the swap device's (5 bits) and the slot's.
constexpr u64 kSoftDirty = u64{1} << 55, kExclusive = u64{1} << 56;
constexpr u64 kFileOrShared = u64{1} << 61, kSwapped = u64{1} << 62, kPresent = u64{1} << 63;
constexpr unsigned kDeviceBits = 5;
constexpr u64 kFrameMask = (u64{1} << 55) - 1;

u64 describe_entry(vm::Pte entry, bool show_frames) {
    u64 word = entry.bits & vm::Pte::kSoftDirty ? kSoftDirty : 0;
    if (entry.is_none() || vm::is_busy(entry)) return word;
    if (vm::is_swap(entry)) {
        const vm::SwapEntry place = vm::swap_entry_of(entry);
        if (show_frames) word |= (place.device() | place.slot() << kDeviceBits) & kFrameMask;
        return word | kSwapped;
    }
    word |= kPresent;
    if (show_frames) word |= entry.pfn().raw() & kFrameMask;
    if (!vm::has_page(entry)) return word;
    const mm::Page& page = mm::page_of(entry.pfn());
    if (!page.has(mm::kPageAnon)) word |= kFileOrShared;
    if (vm::mappers_of(page) == 1) word |= kExclusive;
    return word;
}

/// The words for the pages of `area` in [start, end) that have page tables; the others stay.
void describe_pages(vm::MmStruct& mm, VirtAddr start, VirtAddr end, bool show_frames, u64* words) {
    VirtAddr at = start;
    while (const vm::LeafSpan span = vm::next_leaf(mm, at, end, vm::Huge::Peek)) {
        IrqGuard guard(mm.page_table_lock);
        u64* const word = words + ((span.at - start) >> kPageShift);
        for (usize i = 0; i < span.count; i++) {
            const VirtAddr page = span.at + i * kPageSize;
            const vm::Pte entry =
                span.huge ? vm::user_entry(mm, page) : vm::read_pte(&span.first[i]);
            word[i] |= describe_entry(entry, show_frames);
        }
        at = span.end();
    }
}

/// The words for [start, end), which are 0 so far.
void describe_range(vm::MmStruct& mm, VirtAddr start, VirtAddr end, bool show_frames, u64* words) {
    sched::ReadGuard guard(mm.mmap_lock);
    for (vm::VmArea* area = mm.find_vma(start); area && area->start < end;
         area = mm.areas.next(*area)) {
        const VirtAddr from = std::max(start, area->start), to = std::min(end, area->end);
        u64* const own = words + ((from - start) >> kPageShift);
        if (area->soft_dirty.load(std::memory_order_relaxed)) {
            std::fill(own, own + ((to - from) >> kPageShift), kSoftDirty);
        }
        describe_pages(mm, from, to, show_frames, own);
    }
}

class PagemapOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override { return may_open_memory(*file.inode()); }
    /// EINVAL unless offset and length are whole words.
    Result<usize> read(fs::File& file, IovIter& to, u64& offset) const override {
        const Ref<Task> task = TRY(task_of(*file.inode()));
        const TaskMm mm(*task);
        if (!mm) return usize{0};
        if (offset % sizeof(u64) != 0 || to.remaining() % sizeof(u64) != 0) return EINVAL;
        auto* words = static_cast<u64*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
        const ScopeGuard free([&] { mm::kfree(words); });
        constexpr u64 kRoom = kPageSize / sizeof(u64);
        constexpr u64 kEnd = arch::kUserEnd.raw() >> kPageShift;  // pages that users can have
        const bool show_frames = sched::current().cred.has(abi::CAP_SYS_ADMIN);
        usize done = 0;
        while (to.remaining() > 0 && offset / sizeof(u64) < kEnd) {
            const u64 first = offset / sizeof(u64);
            const u64 wanted = to.remaining() / sizeof(u64);
            const u64 count = std::min(std::min(kRoom, wanted), kEnd - first);
            std::fill(words, words + count, 0);
            const VirtAddr start(first << kPageShift);
            describe_range(*mm, start, start + count * kPageSize, show_frames, words);
            Result<usize> moved = to.copy_to(words, count * sizeof(u64));
            if (!moved.ok() && done == 0) return moved.error();
            if (!moved.ok()) break;
            done += moved.value();
            offset += moved.value();
            if (moved.value() < count * sizeof(u64)) break;
        }
        return done;
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
};
constexpr PagemapOperations kPagemapOps;

}  // namespace

const fs::FileOperations& pagemap_file_ops() { return kPagemapOps; }

Result<void> store_clear_refs(std::string_view text, Task& task) {
    const i64 what = TRY(parse_signed(libfs::trim(text)));
    if (what < 1 || what > 5) return EINVAL;
    const TaskMm mm(task);
    if (mm) vm::clear_refs(*mm, static_cast<vm::ClearRefs>(what));
    return {};
}

}  // namespace procfs
