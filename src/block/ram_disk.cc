// RAM disks: block devices whose sectors are pages. Linux: drivers/block/brd.c.
//
// A page is allocated when something is first written to it; what was never written reads as zeros.
// A request is over when submit() returns.

#include "block/block_device.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/xarray.h"
#include "mm/own.h"
#include "mm/page_alloc.h"

namespace block {

namespace {

constinit mm::KmemCache node_cache("brd_node", sizeof(XaNode), alignof(XaNode));

void* alloc_node(void*) {
    Result<void*> node = node_cache.alloc(mm::Gfp::Atomic | mm::Gfp::NoWarn);
    return node.ok() ? node.take() : nullptr;
}
void free_node(void* node, void*) { node_cache.free(node); }
constexpr XaNodeSource kNodes{alloc_node, free_node};

constexpr u64 kSectorsPerPage = kPageSize / kSectorSize;

class RamDisk final : public BlockDevice {
public:
    explicit RamDisk(u64 sectors) : sectors_(sectors) {}

    u64 sectors() const override { return sectors_; }

    void submit(Bio& bio) override {
        Sector at = bio.sector;
        for (const BioVec& part : bio.parts) {
            for (u32 done = 0; done < part.bytes && bio.status.ok(); done += kSectorSize) {
                move_sector(bio, part, done, at);
                at = at + 1;
            }
        }
        bio.end(bio);
    }

    void discard_all() override {
        u64 index = 0;
        for (;;) {
            mm::Page* page;
            {
                IrqGuard guard(lock_);
                page = static_cast<mm::Page*>(pages_.find(index));
                if (!page) return;
                pages_.erase(index, kNodes);
            }
            mm::put_page(*page);
        }
    }

private:
    void move_sector(Bio& bio, const BioVec& part, u32 done, Sector at) {
        std::byte* const memory = mm::bytes_of(*part.page) + part.offset + done;
        const u64 index = at.raw() / kSectorsPerPage;
        const usize offset = at.raw() % kSectorsPerPage * kSectorSize;
        const bool writes = bio.op == BioOp::Write;
        if (writes && !make_page(index)) {
            bio.status = ENOSPC;
            return;
        }
        IrqGuard guard(lock_);
        auto* page = static_cast<mm::Page*>(pages_.load(index));
        if (writes && page) {
            memcpy(mm::bytes_of(*page) + offset, memory, kSectorSize);
        } else if (page) {
            memcpy(memory, mm::bytes_of(*page) + offset, kSectorSize);
        } else {
            memset(memory, 0, kSectorSize);
        }
    }

    /// Reclaim writes through here: this may take from the reserves, but not begin to reclaim.
    bool make_page(u64 index) {
        {
            IrqGuard guard(lock_);
            if (pages_.load(index)) return true;
        }
        using enum mm::Gfp;
        Result<mm::Page*> made = mm::alloc_page(NoIo | Zero | NoWarn);
        if (!made.ok()) return false;
        mm::Page* page = made.value();
        Result<void> stored;
        {
            IrqGuard guard(lock_);
            stored = pages_.insert(index, page, kNodes);
        }
        if (stored.ok()) return true;
        mm::put_page(*page);
        return stored.error() == EEXIST;
    }

    const u64 sectors_;
    SpinLock lock_{"ram_disk", LockRank::PageCache};
    XArray pages_ GUARDED_BY(lock_);
};

constexpr u32 kRamMajor = 1;

}  // namespace

Result<void> init_ram_disks(u64 count, u64 kib) {
    for (u64 i = 0; i < count; i++) {
        RamDisk& disk = *TRY(mm::make<RamDisk>(kib * 1024 / kSectorSize)).leak();
        disk.major = kRamMajor;
        disk.minor = static_cast<u32>(i);
        const usize length =
            format_to(std::span(disk.name, sizeof disk.name - 1), "ram%u", disk.minor);
        disk.name[length] = '\0';
        TRY(register_block_device(disk));
    }
    return {};
}

}  // namespace block
