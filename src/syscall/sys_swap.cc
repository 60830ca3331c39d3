// Swap space: swapon, swapoff.

#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "abi/swap.h"
#include "block/block_swap.h"
#include "fs/block_dev.h"
#include "fs/dentry_path.h"
#include "fs/namei.h"
#include "syscall/table.h"
#include "syscall/user_path.h"

namespace syscall {

namespace {

using sched::capable;

/// The device that `file` is. EINVAL for all else: a regular file would do if its file system could
/// say where its blocks are, which none here can.
Result<block::BlockDevice*> swap_device(const fs::File& file) {
    block::BlockDevice* device = fs::block_device_of(*file.inode());
    if (device) return device;
    return EINVAL;
}

Result<void> sys_swapon(UserPtr<const char> name, int flags) {
    constexpr int kKnown = abi::SWAP_FLAG_PREFER | abi::SWAP_FLAG_PRIO_MASK |
                           abi::SWAP_FLAG_DISCARD | abi::SWAP_FLAG_DISCARD_ONCE |
                           abi::SWAP_FLAG_DISCARD_PAGES;
    if (flags & ~kKnown) return EINVAL;
    if (!capable(abi::CAP_SYS_ADMIN)) return EPERM;
    const UserPath path = TRY(UserPath::copy_in(name));
    auto file = TRY(fs::do_open(abi::AT_FDCWD, path.view(), abi::O_RDWR | abi::O_LARGEFILE, 0));
    block::BlockDevice& device = *TRY(swap_device(*file));
    const int priority = flags & abi::SWAP_FLAG_PREFER ? flags & abi::SWAP_FLAG_PRIO_MASK : -1;
    return block::swap_on(device, path.view(), priority);
}

Result<void> sys_swapoff(UserPtr<const char> name) {
    if (!capable(abi::CAP_SYS_ADMIN)) return EPERM;
    const UserPath path = TRY(UserPath::copy_in(name));
    auto file = TRY(fs::do_open(abi::AT_FDCWD, path.view(), abi::O_RDWR | abi::O_LARGEFILE, 0));
    return block::swap_off(*TRY(swap_device(*file)));
}

constexpr Entry kCalls[] = {
    {167, "swapon", call<sys_swapon>},
    {168, "swapoff", call<sys_swapoff>},
};

}  // namespace

constinit const std::span<const Entry> kSwapCalls = kCalls;

}  // namespace syscall
