// What a program finds on its stack, from high to low addresses:
//
//     8 zero bytes            as Linux
//     strings                 file name, environment, arguments (in order of rising addresses:
//                             arguments first)
//     "x86_64", 16 random bytes
//     auxiliary vector        pairs, AT_NULL last
//     null, envp[], null, argv[], argc        <- stack pointer, 16-byte aligned
// See: System V ABI for x86-64, 3.4.1.

#include "abi/auxv.h"
#include "abi/mman.h"
#include "abi/signal.h"
#include "abi/time.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/task.h"
#include "core/random/random.h"
#include "lib/string.h"
#include "mm/vmalloc.h"
#include "process/exec/exec.h"

namespace process {

namespace {

constexpr u64 kStackSlack = 128 * 1024;  // mapped at once below the arguments
constexpr u64 kMinGap = 128ull << 20, kStackMaxRandom = 16ull << 30;
constexpr unsigned kStackRandomBits = 22, kMmapRandomBits = 28;
constexpr char kPlatform[] = "x86_64";

/// Collects the words between the stack pointer and the strings.
class Words {
public:
    Words(u64* room, usize size) : words_(room, size) {}
    void add(u64 word) { words_[count_++] = word; }
    void add_pair(u64 key, u64 value) {
        add(key);
        add(value);
    }
    usize count() const { return count_; }
    std::span<const std::byte> bytes() const { return std::as_bytes(words_.first(count_)); }
    std::span<const u64> from(usize first) const { return words_.subspan(first, count_ - first); }

private:
    std::span<u64> words_;
    usize count_ = 0;
};

void add_auxv(Words& words, const BinPrm& bprm, VirtAddr random, VirtAddr platform, VirtAddr name) {
    using namespace abi;
    const sched::Cred& cred = bprm.cred;
    if (bprm.vdso.raw() != 0) words.add_pair(AT_SYSINFO_EHDR, bprm.vdso.raw());
    words.add_pair(AT_HWCAP, arch::cpuid(1).edx);
    words.add_pair(AT_PAGESZ, kPageSize);
    words.add_pair(AT_CLKTCK, kUserHz);
    words.add_pair(AT_PHDR, bprm.headers.raw());
    words.add_pair(AT_PHENT, sizeof(Elf64Phdr));
    words.add_pair(AT_PHNUM, bprm.header_count);
    words.add_pair(AT_BASE, bprm.interpreter_base.raw());
    words.add_pair(AT_FLAGS, 0);
    words.add_pair(AT_ENTRY, bprm.program_entry.raw());
    words.add_pair(AT_UID, cred.uid);
    words.add_pair(AT_EUID, cred.euid);
    words.add_pair(AT_GID, cred.gid);
    words.add_pair(AT_EGID, cred.egid);
    words.add_pair(AT_SECURE, bprm.secure);
    words.add_pair(AT_RANDOM, random.raw());
    words.add_pair(AT_HWCAP2, 0);
    words.add_pair(AT_EXECFN, name.raw());
    words.add_pair(AT_PLATFORM, platform.raw());
    words.add_pair(AT_MINSIGSTKSZ, sizeof(RtSigframe) + arch::fpu_frame_size() + 256);
    words.add_pair(AT_NULL, 0);
}
constexpr usize kAuxvWords = 42;

/// The addresses of `count` strings, of which the first is at offset `*at`.
void add_pointers(Words& words, std::span<const std::byte> strings, u32 count, usize& at,
                  VirtAddr base) {
    for (u32 i = 0; i < count; i++) {
        words.add((base + at).raw());
        at += strlen(reinterpret_cast<const char*>(strings.data() + at)) + 1;
    }
    words.add(0);
}

}  // namespace

u64 random_pages(const BinPrm& bprm, unsigned bits) {
    if (!bprm.randomize) return 0;
    return (get_random_u64() & ((u64{1} << bits) - 1)) << kPageShift;
}

Result<void> write_new_mm(BinPrm& bprm, VirtAddr at, std::span<const std::byte> bytes) {
    const std::span<std::byte> source(const_cast<std::byte*>(bytes.data()), bytes.size());
    if (bprm.mm->access_remote(at, source, true) != bytes.size()) return ENOMEM;
    return {};
}

Result<void> setup_arg_pages(BinPrm& bprm) {
    vm::MmStruct& mm = *bprm.mm;
    bprm.stack_top = VirtAddr(arch::kUserEnd.raw() - random_pages(bprm, kStackRandomBits));
    const u64 limit = sched::current().signal->rlimits[abi::RLIMIT_STACK].current;
    const u64 max_gap = arch::kUserEnd.raw() / 6 * 5;
    const u64 gap =
        std::max(kMinGap, std::min(limit, max_gap)) + (bprm.randomize ? kStackMaxRandom : 0);
    mm.mmap_base = page_down(VirtAddr(arch::kUserEnd.raw() - std::min(gap, max_gap) -
                                      random_pages(bprm, kMmapRandomBits)));
    mm.free_area_cache = mm.mmap_base;

    const usize words = bprm.arguments.argc + bprm.arguments.envc + kAuxvWords + 8;
    const u64 bytes = align_up(bprm.arguments.bytes().size() + words * 8 + kStackSlack, kPageSize);
    const u32 exec = bprm.executable_stack ? abi::PROT_EXEC : 0;
    TRY(mm.mmap({.at = bprm.stack_top - bytes,
                 .bytes = bytes,
                 .prot = abi::PROT_READ | abi::PROT_WRITE | exec,
                 .map_flags = abi::MAP_PRIVATE | abi::MAP_ANONYMOUS | abi::MAP_FIXED,
                 .extra_flags = vm::kVmStack | vm::kVmGrowsDown}));
    return {};
}

Result<void> create_elf_tables(BinPrm& bprm) {
    const Arguments& arguments = bprm.arguments;
    const std::span<const std::byte> strings = arguments.bytes();
    const VirtAddr base = bprm.stack_top - 8 - strings.size();
    TRY(write_new_mm(bprm, base, strings));

    struct {
        u8 random[16];
        char platform[sizeof kPlatform];
    } extra;
    get_random_bytes(std::as_writable_bytes(std::span(extra.random)));
    memcpy(extra.platform, kPlatform, sizeof kPlatform);
    VirtAddr at(align_down(base.raw() - sizeof extra, 16));
    if (bprm.randomize) at = VirtAddr(align_down(at.raw() - (get_random_u64() & 8191), 16));
    TRY(write_new_mm(bprm, at, std::as_bytes(std::span(&extra, 1))));

    const usize count = arguments.argc + arguments.envc + kAuxvWords + 3;
    u64* const room = static_cast<u64*>(TRY(mm::vmalloc(count * sizeof(u64))));
    Words words(room, count);
    words.add(arguments.argc);
    usize offset = 0;
    add_pointers(words, strings, arguments.argc, offset, base);
    add_pointers(words, strings, arguments.envc, offset, base);
    const usize auxv_start = words.count();
    add_auxv(words, bprm, at, at + sizeof extra.random, base + arguments.name_start);

    vm::MmStruct& mm = *bprm.mm;
    const std::span<const u64> auxv = words.from(auxv_start);
    memcpy(mm.auxv, auxv.data(), std::min(auxv.size_bytes(), sizeof mm.auxv));
    bprm.stack_pointer = VirtAddr(align_down(at.raw() - words.count() * sizeof(u64), 16));
    const Result<void> written = write_new_mm(bprm, bprm.stack_pointer, words.bytes());
    mm::vfree(room);
    mm.start_stack = bprm.stack_pointer;
    mm.arg_start = base;
    mm.arg_end = mm.env_start = base + arguments.env_start;
    mm.env_end = base + arguments.name_start;
    return written;
}

}  // namespace process
