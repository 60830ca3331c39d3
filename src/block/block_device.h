/// BlockDevice: an array of sectors. Linux' struct gendisk and struct block_device in one.
#pragma once

#include <atomic>

#include "block/bio.h"
#include "sched/mutex.h"

namespace block {

class BlockDevice {
public:
    BlockDevice(const BlockDevice&) = delete;

    /// Begins what `bio` asks for, which lies within the device; bio.end() when it is over. Must
    /// not wait for memory that only writing pages out would free.
    virtual void submit(Bio& bio) = 0;

    virtual u64 sectors() const = 0;
    virtual u32 logical_block_size() const { return kSectorSize; }
    /// Forgets the contents as far as that gives memory back (BLKFLSBUF of a RAM disk).
    virtual void discard_all() {}

    char name[32] = {};  // of the node: "ram0"
    u32 major = 0, minor = 0;
    sched::Mutex mutex{"block_device"};  // a write of less than a page
    /// Somebody has it for himself (swap): no second one.
    std::atomic<bool> is_claimed{false};
    BlockDevice* next = nullptr;

protected:
    constexpr BlockDevice() = default;
    ~BlockDevice() = default;
};

/// Makes the device known; its node appears in devtmpfs. Cannot be undone. EBUSY: the numbers are
/// taken; ENOMEM.
Result<void> register_block_device(BlockDevice& device);
/// Null: there is none.
BlockDevice* find_block_device(u32 major, u32 minor);
/// The devices in the order in which they came.
BlockDevice* first_block_device();

/// Set by devtmpfs: called for each device from then on.
extern constinit std::atomic<Result<void> (*)(const BlockDevice&)> block_device_added;

/// Linux' submit_bio(): EIO for what lies outside the device, through bio.end().
void submit_bio(BlockDevice& device, Bio& bio);
/// The same, and waits. Sleeps.
Result<void> submit_bio_wait(BlockDevice& device, BioOp op, Sector sector, BioVec part);

/// Makes /dev/ram0 …: `count` RAM disks of `kib` KiB, which take no memory yet.
Result<void> init_ram_disks(u64 count, u64 kib);

}  // namespace block
