// Which memory goes into a core file.

#include "abi/elf.h"
#include "mm/slab.h"
#include "process/coredump/coredump_internal.h"

namespace process {

Result<void> GrowingBytes::append(const void* bytes, usize count) {
    if (capacity_ - size_ < count) {
        const usize wanted = std::max(align_up(size_ + count, kPageSize), 2 * capacity_);
        auto* const larger = static_cast<std::byte*>(TRY(mm::vmalloc(wanted)));
        if (size_ > 0) memcpy(larger, data_, size_);
        mm::vfree(std::exchange(data_, larger));
        capacity_ = wanted;
    }
    memcpy(data_ + size_, bytes, count);
    size_ += count;
    return {};
}

Result<void> GrowingBytes::align(usize alignment) {
    constexpr u64 kZero = 0;
    while (size_ % alignment != 0) {
        TRY(append(&kZero, std::min<usize>(alignment - size_ % alignment, sizeof kZero)));
    }
    return {};
}

namespace {

constexpr std::string_view kDeleted = " (deleted)";

enum class Amount : u8 { Nothing, Everything, ElfHeader };

/// How much of an area is written. `name` is that of its file.
Amount amount_of(const vm::VmArea& area, u32 filter, std::string_view name) {
    using enum Amount;
    if (name == "[vdso]") return Everything;  // debuggers unwind through it
    if (area.flags & (vm::kVmDontDump | vm::kVmPfnMap)) return Nothing;
    if (area.is_shared()) {
        const bool nameless = area.file == nullptr || name.ends_with(kDeleted);
        const u32 kind = nameless ? abi::kDumpAnonShared : abi::kDumpMappedShared;
        return (filter & kind) ? Everything : Nothing;
    }
    if (area.has_anon() && (filter & abi::kDumpAnonPrivate)) return Everything;
    if (area.file == nullptr) return Nothing;
    if (filter & abi::kDumpMappedPrivate) return Everything;
    const bool is_start = area.page_offset == 0 && (area.flags & vm::kVmRead);
    return is_start && (filter & abi::kDumpElfHeaders) ? ElfHeader : Nothing;
}

u32 segment_flags(const vm::VmArea& area) {
    u32 flags = 0;
    if (area.flags & vm::kVmRead) flags |= abi::PF_R;
    if (area.flags & vm::kVmWrite) flags |= abi::PF_W;
    if (area.flags & vm::kVmExec) flags |= abi::PF_X;
    return flags;
}

Result<void> collect_area(const vm::VmArea& area, u32 filter, std::span<char> room,
                          CoreAreas& areas) {
    u32 device = 0;
    u64 inode = 0;
    std::string_view name;
    if (area.file) name = {room.data(), area.file->describe(room, device, inode)};
    const Amount amount = amount_of(area, filter, name);
    const u64 whole = amount == Amount::Everything ? area.end - area.start : 0;
    TRY(areas.segments.add(CoreSegment{.start = area.start,
                                       .end = area.end,
                                       .flags = segment_flags(area),
                                       .is_anonymous = area.file == nullptr,
                                       .may_be_elf = amount == Amount::ElfHeader,
                                       .dumped = whole}));
    if (!name.starts_with('/')) return {};
    TRY(areas.files.add(abi::CoreFileRange{area.start.raw(), area.end.raw(), area.page_offset}));
    TRY(areas.file_names.append(name.data(), name.size()));
    TRY(areas.file_names.append("", 1));
    areas.file_count++;
    return {};
}

/// By the header at its start a debugger knows a program or library again. mmap_lock is free.
void keep_elf_headers(vm::MmStruct& mm, CoreAreas& areas) {
    for (CoreSegment& segment : areas.all()) {
        std::byte start[sizeof abi::kElfMagic];
        if (!segment.may_be_elf) continue;
        if (mm.access_remote(segment.start, start, false) < sizeof start) continue;
        if (memcmp(start, abi::kElfMagic, sizeof start) == 0) segment.dumped = kPageSize;
    }
}

}  // namespace

Result<void> collect_areas(vm::MmStruct& mm, u32 filter, CoreAreas& areas) {
    char* const room = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    Result<void> done;
    {
        sched::ReadGuard guard(mm.mmap_lock);
        for (const vm::VmArea& area : mm.areas) {
            if (!done.ok()) break;
            done = collect_area(area, filter, {room, kPageSize}, areas);
        }
    }
    mm::kfree(room);
    if (done.ok()) keep_elf_headers(mm, areas);
    return done;
}

}  // namespace process
