// See vdso.h. Both are files that exist in memory only and have no name but a label. The code is
// mapped privately, so that a debugger may put breakpoints into its copy; the data may be looked at
// and nothing else.

#include "process/exec/vdso.h"

#include "abi/mman.h"
#include "core/time/timekeeping.h"
#include "lib/string.h"
#include "mm/own.h"

namespace process {

namespace {

extern "C" const std::byte vdso_image[], vdso_image_end[];

class ImagePages final : public vm::AddressSpaceOperations {
public:
    /// The first page of `vvar` is written by the timekeeper later; the rest is the linked image.
    Result<void> read_page(vm::AddressSpace& mapping, mm::Page& page) const override;
    bool is_memory_only() const override { return true; }
};
constexpr ImagePages kImagePages;

/// Linux' struct vm_special_mapping. Never goes away.
class SpecialMapping final : public vm::MappedFile {
public:
    SpecialMapping(std::string_view label, std::span<const std::byte> image, u64 bytes)
        : label_(label), image_(image), bytes_(bytes), mapping_(kImagePages, this) {}

    void get() override {}
    void put() override {}
    vm::AddressSpace* mapping() override { return &mapping_; }
    usize describe(std::span<char> room, u32& device, u64& inode) override {
        device = 0;
        inode = 0;
        return std::min(copy_string(room, label_), room.size());
    }
    u64 size() override { return bytes_; }
    std::span<const std::byte> image() const { return image_; }

private:
    const std::string_view label_;
    const std::span<const std::byte> image_;  // the rest of bytes_ is zero
    const u64 bytes_;
    vm::AddressSpace mapping_;
};

Result<void> ImagePages::read_page(vm::AddressSpace& mapping, mm::Page& page) const {
    const std::span<const std::byte> image = static_cast<SpecialMapping*>(mapping.host)->image();
    const usize start = std::min<usize>(page.index * kPageSize, image.size());
    const usize count = std::min(image.size() - start, kPageSize);
    memcpy(mm::bytes_of(page), image.data() + start, count);
    memset(mm::bytes_of(page) + count, 0, kPageSize - count);
    return {};
}

constinit SpecialMapping* vdso = nullptr;
constinit SpecialMapping* vvar = nullptr;

}  // namespace

Result<void> init_vdso() {
    const std::span<const std::byte> image(vdso_image, usize(vdso_image_end - vdso_image));
    const u64 bytes = align_up(image.size(), kPageSize);
    auto code = TRY(mm::make<SpecialMapping>("[vdso]", image, bytes));
    auto data = TRY(mm::make<SpecialMapping>("[vvar]", std::span<const std::byte>(), kPageSize));
    mm::Page* const page = TRY(data->mapping()->read_page(0));
    time::timekeeping_publish(mm::bytes_of(*page));  // keeps the reference: it is written for ever
    vdso = code.leak();
    vvar = data.leak();
    return {};
}

Result<void> map_vdso(BinPrm& bprm) {
    if (vdso == nullptr) return {};
    // One hole for both: the code looks for its data right in front of itself.
    const VirtAddr at = TRY(bprm.mm->mmap({.at = VirtAddr(0),
                                           .bytes = kPageSize + vdso->size(),
                                           .prot = abi::PROT_READ,
                                           .map_flags = abi::MAP_PRIVATE,
                                           .file = vvar,
                                           .extra_flags = vm::kVmDontExpand | vm::kVmDontDump,
                                           .denied_flags = vm::kVmMayWrite | vm::kVmMayExec}));
    bprm.vdso = at + kPageSize;
    TRY(bprm.mm->mmap({.at = bprm.vdso,
                       .bytes = vdso->size(),
                       .prot = abi::PROT_READ | abi::PROT_EXEC,
                       .map_flags = abi::MAP_PRIVATE | abi::MAP_FIXED,
                       .file = vdso,
                       .extra_flags = vm::kVmDontExpand}));
    return {};
}

}  // namespace process
