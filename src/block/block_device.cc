// Which block devices there are, and handing requests to them.

#include "block/block_device.h"

#include "mm/vm_stat.h"
#include "sched/wait_queue.h"

namespace block {

namespace {

constinit sched::Mutex registry_mutex{"block_devices"};
constinit std::atomic<BlockDevice*> devices{nullptr};

/// For submit_bio_wait().
struct Completion {
    SpinLock lock{"bio_wait", LockRank::Mutex};
    sched::WaitQueue queue;
    bool is_done = false;
};

void complete(Bio& bio) {
    auto& completion = *static_cast<Completion*>(bio.context);
    IrqGuard guard(completion.lock);
    completion.is_done = true;
    completion.queue.wake_all();
}

void fail(Bio& bio) {
    bio.status = EIO;
    bio.end(bio);
}

}  // namespace

constinit std::atomic<Result<void> (*)(const BlockDevice&)> block_device_added{nullptr};

BlockDevice* first_block_device() { return devices.load(std::memory_order_acquire); }

BlockDevice* find_block_device(u32 major, u32 minor) {
    BlockDevice* at = first_block_device();
    while (at && (at->major != major || at->minor != minor)) at = at->next;
    return at;
}

Result<void> register_block_device(BlockDevice& device) {
    {
        sched::MutexGuard guard(registry_mutex);
        if (find_block_device(device.major, device.minor)) return EBUSY;
        BlockDevice* last = devices.load();
        while (last && last->next) last = last->next;
        if (last) {
            std::atomic_ref(last->next).store(&device, std::memory_order_release);
        } else {
            devices.store(&device, std::memory_order_release);
        }
    }
    if (auto* added = block_device_added.load(std::memory_order_acquire)) return added(device);
    return {};
}

void submit_bio(BlockDevice& device, Bio& bio) {
    const u64 sectors = bio.bytes() >> kSectorShift;
    for (const BioVec& part : bio.parts) {
        const bool whole = ((part.offset | part.bytes) & (kSectorSize - 1)) == 0;
        if (!whole || u64{part.offset} + part.bytes > kPageSize) return fail(bio);
    }
    const u64 first = bio.sector.raw(), all = device.sectors();
    if (bio.op != BioOp::Flush && (first > all || sectors > all - first)) return fail(bio);
    const i64 kib = static_cast<i64>(sectors / 2);
    if (bio.op != BioOp::Flush) {
        mm::count_vm(bio.op == BioOp::Read ? mm::VmItem::PageIn : mm::VmItem::PageOut, kib);
    }
    device.submit(bio);
}

Result<void> submit_bio_wait(BlockDevice& device, BioOp op, Sector sector, BioVec part) {
    Completion completion;
    Bio bio{.op = op,
            .sector = sector,
            .parts = std::span(&part, op == BioOp::Flush ? 0 : 1),
            .end = complete,
            .context = &completion};
    submit_bio(device, bio);
    IrqGuard guard(completion.lock);
    while (!completion.is_done) completion.queue.sleep_uninterruptible(completion.lock);
    return bio.status.ok() ? Result<void>() : bio.status.error();
}

}  // namespace block
