// Loading ELF64 files: static, position-independent, and with an interpreter (the dynamic linker).
//
// Every number in the file is a claim by whoever wrote it. Headers are checked before anything is
// mapped; mapping then goes through MmStruct::mmap(), which checks once more.

#include "abi/auxv.h"
#include "abi/mman.h"
#include "arch/layout.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/exec/exec.h"

namespace process {

namespace {

using abi::Elf64Ehdr;
using abi::Elf64Phdr;

constexpr VirtAddr kDynBase{0x5555'5555'4000};  // two thirds of the user half, as Linux
constexpr usize kMaxHeaders = 65536 / sizeof(Elf64Phdr);
constexpr u64 kPathMax = 4096;

/// The headers of one file, checked as far as they can be without mapping it.
class Image {
public:
    explicit Image(fs::File& file) : file_(file) {}
    Image(const Image&) = delete;
    ~Image() { mm::kfree(phdrs_); }

    /// ENOEXEC, ENOMEM, EIO.
    Result<void> read();

    fs::File& file() const { return file_; }
    const Elf64Ehdr& header() const { return header_; }
    std::span<const Elf64Phdr> phdrs() const { return {phdrs_, header_.phnum}; }
    const Elf64Phdr* find(u32 type) const {
        for (const Elf64Phdr& phdr : phdrs()) {
            if (phdr.type == type) return &phdr;
        }
        return nullptr;
    }
    bool is_fixed() const { return header_.type == abi::ET_EXEC; }
    VirtAddr low() const { return low_; }  // of all segments, whole pages
    u64 span() const { return high_ - low_; }

    VirtAddr bias;  // what is added to the addresses in the file; wraps for negative ones
    VirtAddr at(u64 vaddr) const { return VirtAddr(bias.raw() + vaddr); }

private:
    Result<void> check_segments();
    Result<void> check_segment(const Elf64Phdr& phdr);

    fs::File& file_;
    Elf64Ehdr header_{};
    Elf64Phdr* phdrs_ = nullptr;
    VirtAddr low_{~u64{0}}, high_;
};

/// Reads exactly that many bytes: a short file is no program.
Result<void> read_all(fs::File& file, std::span<std::byte> room, u64 offset) {
    const usize got = TRY(fs::kernel_read(file, room, offset));
    if (got != room.size()) return ENOEXEC;
    return {};
}

Result<void> Image::read() {
    TRY(read_all(file_, std::as_writable_bytes(std::span(&header_, 1)), 0));
    const Elf64Ehdr& h = header_;
    const bool is_elf64 = memcmp(h.magic, abi::kElfMagic, sizeof h.magic) == 0 &&
                          h.file_class == abi::ELFCLASS64 && h.data == abi::ELFDATA2LSB;
    const bool is_program = h.type == abi::ET_EXEC || h.type == abi::ET_DYN;
    if (!is_elf64 || !is_program || h.machine != abi::EM_X86_64) return ENOEXEC;
    if (h.phentsize != sizeof(Elf64Phdr) || h.phnum == 0 || h.phnum > kMaxHeaders) return ENOEXEC;
    const usize bytes = h.phnum * sizeof(Elf64Phdr);
    if (h.phoff > file_.size() || bytes > file_.size() - h.phoff) return ENOEXEC;
    phdrs_ = static_cast<Elf64Phdr*>(TRY(mm::kmalloc(bytes, mm::Gfp::Kernel)));
    TRY(read_all(file_, {reinterpret_cast<std::byte*>(phdrs_), bytes}, h.phoff));
    return check_segments();
}

Result<void> Image::check_segment(const Elf64Phdr& phdr) {
    if (phdr.filesz > phdr.memsz) return ENOEXEC;
    if (phdr.offset > file_.size() || phdr.filesz > file_.size() - phdr.offset) return ENOEXEC;
    if (!arch::is_user_range(VirtAddr(phdr.vaddr), phdr.memsz)) return ENOEXEC;
    if ((phdr.vaddr ^ phdr.offset) & (kPageSize - 1)) return ENOEXEC;
    if (is_fixed() && VirtAddr(phdr.vaddr) < arch::kUserMin) return EPERM;
    low_ = std::min(low_, page_down(VirtAddr(phdr.vaddr)));
    high_ = std::max(high_, page_up(VirtAddr(phdr.vaddr + phdr.memsz)));
    return {};
}

Result<void> Image::check_segments() {
    for (const Elf64Phdr& phdr : phdrs()) {
        if (phdr.type == abi::PT_LOAD && phdr.memsz != 0) TRY(check_segment(phdr));
    }
    if (high_ <= low_) return ENOEXEC;  // no segment at all
    return {};
}

u32 protection(const Elf64Phdr& phdr) {
    return (phdr.flags & abi::PF_R ? abi::PROT_READ : 0) |
           (phdr.flags & abi::PF_W ? abi::PROT_WRITE : 0) |
           (phdr.flags & abi::PF_X ? abi::PROT_EXEC : 0);
}

/// Reserves nothing, but finds out where the whole image may go: `wanted` (0: anywhere).
Result<VirtAddr> find_room(vm::MmStruct& mm, VirtAddr wanted, u64 bytes) {
    const u32 fixed = wanted.raw() ? abi::MAP_FIXED_NOREPLACE : 0;
    Result<VirtAddr> found =
        mm.mmap({.at = wanted,
                 .bytes = bytes,
                 .prot = abi::PROT_NONE,
                 .map_flags = abi::MAP_PRIVATE | abi::MAP_ANONYMOUS | abi::MAP_NORESERVE | fixed});
    if (!found.ok()) return found.error() == EEXIST ? ENOMEM : found.error();
    TRY(mm.munmap(found.value(), bytes));
    return found;
}

/// The bytes of the last file page behind the segment's data are another part of the file; the
/// program is to find zeros there.
Result<void> clear_tail(BinPrm& bprm, VirtAddr from, VirtAddr to) {
    static constexpr std::byte kZeros[256] = {};
    for (VirtAddr at = from; at < to;) {
        const usize step = std::min<usize>(to - at, sizeof kZeros);
        TRY(write_new_mm(bprm, at, {kZeros, step}));
        at += step;
    }
    return {};
}

Result<void> map_segment(BinPrm& bprm, const Image& image, const Elf64Phdr& phdr) {
    const VirtAddr start = image.at(phdr.vaddr);
    const VirtAddr data_end = start + phdr.filesz, end = page_up(start + phdr.memsz);
    const VirtAddr first = page_down(start);
    const VirtAddr file_end = phdr.filesz ? page_up(data_end) : first;
    if (phdr.filesz != 0) {
        TRY(bprm.mm->mmap({.at = first,
                           .bytes = file_end - first,
                           .prot = protection(phdr),
                           .map_flags = abi::MAP_PRIVATE | abi::MAP_FIXED,
                           .file = &image.file(),
                           .page_offset = phdr.offset >> kPageShift}));
        if (phdr.memsz > phdr.filesz) TRY(clear_tail(bprm, data_end, std::min(file_end, end)));
    }
    if (end > file_end) {
        TRY(bprm.mm->mmap({.at = file_end,
                           .bytes = end - file_end,
                           .prot = protection(phdr),
                           .map_flags = abi::MAP_PRIVATE | abi::MAP_FIXED | abi::MAP_ANONYMOUS}));
    }
    return {};
}

Result<void> map_image(BinPrm& bprm, Image& image, VirtAddr wanted) {
    const VirtAddr base = TRY(find_room(*bprm.mm, wanted, image.span()));
    image.bias = VirtAddr(base - image.low());
    for (const Elf64Phdr& phdr : image.phdrs()) {
        if (phdr.type == abi::PT_LOAD && phdr.memsz != 0) TRY(map_segment(bprm, image, phdr));
    }
    return {};
}

/// Where the program headers lie in memory, for AT_PHDR.
VirtAddr find_headers(const Image& image) {
    if (const Elf64Phdr* phdr = image.find(abi::PT_PHDR)) return image.at(phdr->vaddr);
    const u64 offset = image.header().phoff;
    for (const Elf64Phdr& phdr : image.phdrs()) {
        if (phdr.type != abi::PT_LOAD || offset < phdr.offset) continue;
        if (offset - phdr.offset < phdr.filesz) return image.at(phdr.vaddr + offset - phdr.offset);
    }
    return VirtAddr(0);
}

/// Code and data for /proc/<pid>/stat, and where the heap begins.
void note_layout(BinPrm& bprm, const Image& image) {
    vm::MmStruct& mm = *bprm.mm;
    VirtAddr end;
    for (const Elf64Phdr& phdr : image.phdrs()) {
        if (phdr.type != abi::PT_LOAD || phdr.memsz == 0) continue;
        const VirtAddr start = image.at(phdr.vaddr), data_end = start + phdr.filesz;
        end = std::max(end, start + phdr.memsz);
        if (phdr.flags & abi::PF_X) {
            if (mm.start_code.raw() == 0) mm.start_code = start;
            mm.end_code = data_end;
        } else {
            mm.start_data = start;
            mm.end_data = data_end;
        }
    }
    constexpr unsigned kBrkBits = 13;  // up to 32 MiB
    const bool moves_heap = randomize_va_space.load(std::memory_order_relaxed) > 1;
    mm.start_brk = mm.brk_end = page_up(end) + (moves_heap ? random_pages(bprm, kBrkBits) : 0);
}

Result<void> load_interpreter(BinPrm& bprm, const Image& program, const Elf64Phdr& where) {
    if (where.filesz < 2 || where.filesz > kPathMax) return ENOEXEC;
    if (where.offset > program.file().size()) return ENOEXEC;
    char* const path = static_cast<char*>(TRY(mm::kmalloc(where.filesz, mm::Gfp::Kernel)));
    struct Free {
        void* memory;
        ~Free() { mm::kfree(memory); }
    } free_path{path};
    TRY(read_all(program.file(), {reinterpret_cast<std::byte*>(path), where.filesz}, where.offset));
    if (path[where.filesz - 1] != 0) return ENOEXEC;
    const Ref<fs::File> file = TRY(open_exec(-100, {path, strlen(path)}, 0));
    Image image(*file);
    const Result<void> read = image.read();
    if (!read.ok()) return read.error() == ENOEXEC ? ELIBBAD : read.error();
    TRY(map_image(bprm, image, image.is_fixed() ? image.low() : VirtAddr(0)));
    file->allow_writing();  // it is not what is executed
    bprm.interpreter_base = image.bias;
    bprm.entry = image.at(image.header().entry);
    return {};
}

}  // namespace

Result<void> load_elf_binary(BinPrm& bprm) {
    Image image(*bprm.file);
    TRY(image.read());
    if (const Elf64Phdr* stack = image.find(abi::PT_GNU_STACK)) {
        bprm.executable_stack = stack->flags & abi::PF_X;
    }
    TRY(setup_arg_pages(bprm));
    constexpr unsigned kPieBits = 28;
    const VirtAddr wanted =
        image.is_fixed() ? image.low() : kDynBase + random_pages(bprm, kPieBits);
    TRY(map_image(bprm, image, wanted));
    bprm.program_entry = bprm.entry = image.at(image.header().entry);
    bprm.headers = find_headers(image);
    bprm.header_count = image.header().phnum;
    note_layout(bprm, image);
    if (const Elf64Phdr* interpreter = image.find(abi::PT_INTERP)) {
        TRY(load_interpreter(bprm, image, *interpreter));
    }
    if (!arch::is_user_address(bprm.entry)) return ENOEXEC;
    bprm.file->get();
    bprm.mm->exe_file = bprm.file.get();
    return {};
}

}  // namespace process
