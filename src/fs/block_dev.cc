// Reading, writing and asking block devices through their nodes.

#include "fs/block_dev.h"

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "core/user/user_ptr.h"
#include "fs/char_dev.h"
#include "mm/page_alloc.h"

namespace fs {

namespace {

using block::BioOp;
using block::BlockDevice;
using block::kSectorSize;
using block::Sector;

u64 bytes_of(const BlockDevice& device) { return device.sectors() * kSectorSize; }

BlockDevice& device_of(File& file) { return *static_cast<BlockDevice*>(file.private_data); }

/// The part of one page, at `offset` on the device, and the sectors around it.
struct Window {
    u64 start;          // of the page on the device
    u32 bytes;          // of the page that the device has
    usize from, count;  // what is wanted of it

    Window(const BlockDevice& device, u64 offset, usize wanted)
        : start(align_down(offset, kPageSize)),
          bytes(static_cast<u32>(std::min<u64>(kPageSize, fs::bytes_of(device) - start))),
          from(offset - start),
          count(std::min<usize>(wanted, bytes - from)) {}
    Sector sector() const { return Sector(start / kSectorSize); }
    bool is_whole() const { return from == 0 && count == bytes; }
};

/// How far a read or write has come, and why not further.
struct Progress {
    usize bytes = 0;
    Result<void> why;

    Result<usize> answer() const {
        if (bytes > 0 || why.ok()) return usize{bytes};
        return why.error();
    }
};

class BlockFileOperations final : public FileOperations {
public:
    Result<usize> read(File& file, IovIter& to, u64& offset) const override {
        BlockDevice& device = device_of(file);
        mm::Page& page = *TRY(mm::alloc_page(mm::Gfp::Kernel));
        Progress done;
        while (to.remaining() > 0 && offset < fs::bytes_of(device)) {
            const Window window(device, offset, to.remaining());
            const Result<void> read =
                submit_bio_wait(device, BioOp::Read, window.sector(), {&page, 0, window.bytes});
            if (!go_on(done, read)) break;
            if (!moved(done, offset, window,
                       to.copy_to(mm::bytes_of(page) + window.from, window.count))) {
                break;
            }
        }
        mm::put_page(page);
        return done.answer();
    }

    Result<usize> write(File& file, IovIter& from, u64& offset) const override {
        BlockDevice& device = device_of(file);
        if (from.remaining() > 0 && offset >= fs::bytes_of(device)) return ENOSPC;
        mm::Page& page = *TRY(mm::alloc_page(mm::Gfp::Kernel | mm::Gfp::Zero));
        Progress done;
        while (from.remaining() > 0 && offset < fs::bytes_of(device)) {
            const Window window(device, offset, from.remaining());
            sched::MutexGuard guard(device.mutex);
            if (!window.is_whole() &&
                !go_on(done, submit_bio_wait(device, BioOp::Read, window.sector(),
                                             {&page, 0, window.bytes}))) {
                break;
            }
            Result<usize> copied = from.copy_from(mm::bytes_of(page) + window.from, window.count);
            const bool wrote =
                copied.ok() && go_on(done, submit_bio_wait(device, BioOp::Write, window.sector(),
                                                           {&page, 0, window.bytes}));
            if (copied.ok() && !wrote) break;
            if (!moved(done, offset, window, std::move(copied))) break;
        }
        mm::put_page(page);
        return done.answer();
    }

    Result<u64> seek(File& file, i64 offset, int whence) const override {
        sched::MutexGuard guard(file.position_mutex);
        const i64 size = static_cast<i64>(fs::bytes_of(device_of(file)));
        i64 base = 0;
        if (whence == 1) base = static_cast<i64>(file.position);
        if (whence == 2) base = size;
        if (whence < 0 || whence > 2) return EINVAL;
        i64 target;
        if (__builtin_add_overflow(base, offset, &target)) return EINVAL;
        if (target < 0 || target > size) return EINVAL;
        file.position = static_cast<u64>(target);
        return file.position;
    }

    Result<u64> ioctl(File& file, u32 command, u64 argument) const override {
        BlockDevice& device = device_of(file);
        switch (command) {
        case abi::BLKGETSIZE64:
            TRY(UserPtr<u64>(argument).copy_out(fs::bytes_of(device)));
            return u64{0};
        case abi::BLKGETSIZE: TRY(UserPtr<u64>(argument).copy_out(device.sectors())); return u64{0};
        case abi::BLKSSZGET:
        case abi::BLKPBSZGET:
        case abi::BLKBSZGET: {
            const bool logical = command == abi::BLKSSZGET;
            const u32 bytes = logical ? device.logical_block_size() : u32{kPageSize};
            TRY(UserPtr<u32>(argument).copy_out(bytes));
            return u64{0};
        }
        case abi::BLKROGET: TRY(UserPtr<u32>(argument).copy_out(u32{0})); return u64{0};
        case abi::BLKFLSBUF:
            if (!capable(abi::CAP_SYS_ADMIN)) return EACCES;
            if (device.is_claimed.load()) return EBUSY;
            device.discard_all();
            return u64{0};
        default: return ENOTTY;
        }
    }

    Result<void> fsync(File& file) const override {
        return submit_bio_wait(device_of(file), BioOp::Flush, Sector(0), {});
    }

private:
    /// False, and `done` says why, if `step` failed.
    static bool go_on(Progress& done, const Result<void>& step) {
        if (!step.ok()) done.why = step;
        return step.ok();
    }
    static bool moved(Progress& done, u64& offset, const Window& window, Result<usize> count) {
        if (!count.ok()) {
            done.why = count.error();
            return false;
        }
        offset += count.value();
        done.bytes += count.value();
        return count.value() == window.count;
    }
};
constexpr BlockFileOperations kBlockFileOps;

}  // namespace

constinit const FileOperations& block_file_ops = kBlockFileOps;

BlockDevice* block_device_of(const Inode& inode) {
    if (!inode.is_block_device()) return nullptr;
    return block::find_block_device(major_of(inode.device), minor_of(inode.device));
}

}  // namespace fs
