// Swap space on a block device: the header that mkswap(8) writes, and moving pages.

#include "block/block_swap.h"

#include "lib/string.h"
#include "mm/own.h"
#include "mm/page_alloc.h"
#include "vm/swap/swap.h"

namespace block {

namespace {

constexpr u64 kSectorsPerPage = kPageSize / kSectorSize;
constexpr usize kMaxBadPages = (kPageSize - 1024 - 512 - 10) / sizeof(u32);

/// The first page: a place for a boot loader, the description, at the end what tells that it is
/// one.
struct SwapHeader {
    u8 boot[1024];
    u32 version;    // 1
    u32 last_page;  // the highest slot
    u32 bad_count;
    u8 uuid[16];
    char label[16];
    u32 padding[117];
    u32 bad[kMaxBadPages];
    // From here on the compiler pads; the signature stands in the last 10 bytes of the page.
};
static_assert(offsetof(SwapHeader, bad) == 1536);
constexpr std::string_view kSignature = "SWAPSPACE2";

/// Whether what somebody wrote there can be used. Nothing of it is believed.
bool is_sound(const std::byte* bytes, const BlockDevice& device) {
    const auto& header = *reinterpret_cast<const SwapHeader*>(bytes);
    const auto* end = reinterpret_cast<const char*>(bytes + kPageSize - kSignature.size());
    if (std::string_view(end, kSignature.size()) != kSignature) return false;
    if (header.version != 1 || header.last_page == 0) return false;
    if (u64{header.last_page} + 1 > device.sectors() / kSectorsPerPage) return false;
    if (header.bad_count > kMaxBadPages) return false;
    for (u32 i = 0; i < header.bad_count; i++) {
        if (header.bad[i] == 0 || header.bad[i] > header.last_page) return false;
    }
    return true;
}

class BlockSwap final : public vm::SwapBackend {
public:
    BlockSwap(BlockDevice& device, std::string_view path) : device(device) {
        length_ = std::min(path.size(), sizeof path_);
        memcpy(path_, path.data(), length_);
    }

    Result<void> read(mm::Page& page, u64 slot) override {
        return submit_bio_wait(device, BioOp::Read, Sector(slot * kSectorsPerPage),
                               {&page, 0, kPageSize});
    }

    void write(mm::Page& page, u64 slot) override {
        using enum mm::Gfp;
        Result<void*> memory = write_cache().alloc(NoIo | NoWarn);
        if (!memory.ok()) return vm::swap_write_end(page, false);
        auto& one = *new (memory.value()) Write{.part = {&page, 0, kPageSize}, .bio = {}};
        one.bio.op = BioOp::Write;
        one.bio.sector = Sector(slot * kSectorsPerPage);
        one.bio.parts = std::span<const BioVec>(&one.part, 1);
        one.bio.end = written;
        one.bio.context = &one;
        submit_bio(device, one.bio);
    }

    usize describe(std::span<char> room) override {
        return copy_string(room, std::string_view(path_, length_));
    }
    bool is_file() const override { return false; }
    void release() override {
        device.is_claimed.store(false, std::memory_order_release);
        mm::destroy(this);
    }

    BlockDevice& device;

private:
    struct Write {
        BioVec part;
        Bio bio;
    };
    static mm::KmemCache& write_cache() {
        static constinit mm::KmemCache cache("swap_bio", sizeof(Write), alignof(Write));
        return cache;
    }
    static void written(Bio& bio) {
        Write* one = static_cast<Write*>(bio.context);
        mm::Page& page = *one->part.page;
        const bool ok = bio.status.ok();
        one->~Write();
        write_cache().free(one);
        vm::swap_write_end(page, ok);
    }

    char path_[128];
    usize length_;
};

/// Reads the header and hands the device over. The device is claimed.
Result<void> add(BlockDevice& device, std::string_view path, int priority) {
    mm::Page& page = *TRY(mm::alloc_page(mm::Gfp::Kernel));
    Result<void> done = submit_bio_wait(device, BioOp::Read, Sector(0), {&page, 0, kPageSize});
    if (done.ok() && !is_sound(mm::bytes_of(page), device)) done = EINVAL;
    if (done.ok()) {
        const auto& header = *mm::bytes_of<const SwapHeader>(page);
        Result<mm::Own<BlockSwap>> made = mm::make<BlockSwap>(device, path);
        done = made.ok() ? Result<void>() : made.error();
        if (done.ok()) {
            done = vm::add_swap_area({.backend = made.value().get(),
                                      .pages = u64{header.last_page} + 1,
                                      .bad = std::span(header.bad, header.bad_count),
                                      .priority = priority});
        }
        if (done.ok()) made.value().leak();
    }
    mm::put_page(page);
    return done;
}

bool is_on(vm::SwapBackend& backend, void* device) {
    return !backend.is_file() && &static_cast<BlockSwap&>(backend).device == device;
}

}  // namespace

Result<void> swap_on(BlockDevice& device, std::string_view path, int priority) {
    if (device.sectors() < kSectorsPerPage) return EINVAL;
    if (device.is_claimed.exchange(true, std::memory_order_acquire)) return EBUSY;
    Result<void> done = add(device, path, priority);
    if (!done.ok()) device.is_claimed.store(false, std::memory_order_release);
    return done;
}

Result<void> swap_off(BlockDevice& device) { return vm::remove_swap_area(is_on, &device); }

}  // namespace block
