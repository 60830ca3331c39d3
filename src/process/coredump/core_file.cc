// A core file from head to end: ELF header, program headers, notes, and from the next page on the
// memory. See: System V ABI, "Object Files"; core(5).

#include "abi/elf.h"
#include "mm/slab.h"
#include "process/coredump/coredump_internal.h"

namespace process {

namespace {

// More program headers would need Linux' extended numbering.
static_assert(vm::kMaxMapCount + 1 < 0xffff);

/// Appends to the file until the limit, an error or SIGKILL ends it; then all else fails too. Only
/// what is written counts, not the holes.
class CoreWriter {
public:
    CoreWriter(fs::File& file, u64 limit) : file_(file), room_(limit) {}

    bool write(std::span<const std::byte> bytes) {
        if (bytes.size() > room_ || fatal_signal_pending(sched::current())) return false;
        IovIter from = IovIter::kernel(bytes);
        Result<usize> written = fs::vfs_write(file_, from, &position_);
        if (!written.ok() || written.value() < bytes.size()) return false;
        room_ -= bytes.size();
        in_hole_ = false;
        return true;
    }
    bool skip(u64 bytes) {
        position_ += bytes;
        in_hole_ = bytes > 0;
        return !fatal_signal_pending(sched::current());
    }
    /// A hole at the end needs a last byte to be part of the file.
    void finish() {
        constexpr std::byte kZero{0};
        if (!in_hole_) return;
        position_--;
        (void)write({&kZero, 1});
    }
    u64 position() const { return position_; }

private:
    fs::File& file_;
    u64 room_;
    u64 position_ = 0;
    bool in_hole_ = false;
};

abi::Elf64Ehdr file_header(usize segments) {
    abi::Elf64Ehdr header{};
    memcpy(header.magic, abi::kElfMagic, sizeof header.magic);
    header.file_class = abi::ELFCLASS64;
    header.data = abi::ELFDATA2LSB;
    header.ident_version = abi::EV_CURRENT;
    header.type = abi::ET_CORE;
    header.machine = abi::EM_X86_64;
    header.version = abi::EV_CURRENT;
    header.phoff = sizeof header;
    header.ehsize = sizeof header;
    header.phentsize = sizeof(abi::Elf64Phdr);
    header.phnum = static_cast<u16>(segments + 1);
    return header;
}

/// Everything before the memory.
Result<void> make_head(std::span<const CoreSegment> segments, usize note_bytes,
                       GrowingBytes& head) {
    const u64 notes_at = sizeof(abi::Elf64Ehdr) + (segments.size() + 1) * sizeof(abi::Elf64Phdr);
    TRY(head.add(file_header(segments.size())));
    abi::Elf64Phdr notes{};
    notes.type = abi::PT_NOTE;
    notes.offset = notes_at;
    notes.filesz = note_bytes;
    notes.align = 4;
    TRY(head.add(notes));
    u64 offset = align_up(notes_at + note_bytes, kPageSize);
    for (const CoreSegment& segment : segments) {
        TRY(head.add(abi::Elf64Phdr{.type = abi::PT_LOAD,
                                    .flags = segment.flags,
                                    .offset = offset,
                                    .vaddr = segment.start.raw(),
                                    .paddr = 0,
                                    .filesz = segment.dumped,
                                    .memsz = segment.end - segment.start,
                                    .align = kPageSize}));
        offset += segment.dumped;
    }
    return {};
}

constexpr u64 kPagesAtOnce = 64;  // whose residence is asked together

/// A page that cannot be read (beyond the end of its file) becomes a hole.
bool write_page(CoreWriter& out, vm::MmStruct& mm, VirtAddr at, std::span<std::byte> page) {
    if (mm.access_remote(at, page, false) < page.size()) return out.skip(page.size());
    return out.write(page);
}

bool write_segment(CoreWriter& out, vm::MmStruct& mm, const CoreSegment& segment,
                   std::span<std::byte> page) {
    const VirtAddr end = segment.start + segment.dumped;
    for (VirtAddr at = segment.start; at < end;) {
        const u64 pages = std::min((end - at) / kPageSize, kPagesAtOnce);
        u8 is_there[kPagesAtOnce];
        memset(is_there, !segment.is_anonymous, sizeof is_there);
        // If the area is gone meanwhile, so is what could be read.
        if (segment.is_anonymous) (void)mm.mincore(at, pages, is_there);
        for (u64 i = 0; i < pages; i++, at += kPageSize) {
            const bool ok = is_there[i] ? write_page(out, mm, at, page) : out.skip(kPageSize);
            if (!ok) return false;
        }
    }
    return true;
}

}  // namespace

bool write_core(fs::File& file, const DumpedProcess& process, u64 limit) {
    vm::MmStruct& mm = *process.dumper.mm;
    CoreAreas areas;
    GrowingBytes notes, head;
    if (!collect_areas(mm, process.dumper.signal->coredump_filter, areas).ok()) return false;
    if (!write_notes(process, areas, notes).ok()) return false;
    if (!make_head(areas.all(), notes.size(), head).ok()) return false;
    Result<void*> memory = mm::kmalloc(kPageSize, mm::Gfp::Kernel);
    if (!memory.ok()) return false;
    const std::span<std::byte> page(static_cast<std::byte*>(memory.value()), kPageSize);

    CoreWriter out(file, limit);
    bool ok = out.write(head.bytes()) && out.write(notes.bytes());
    const bool began = ok;
    ok = ok && out.skip(align_up(out.position(), kPageSize) - out.position());
    for (const CoreSegment& segment : areas.all()) {
        ok = ok && write_segment(out, mm, segment, page);
    }
    if (ok) out.finish();
    mm::kfree(page.data());
    return began;
}

}  // namespace process
