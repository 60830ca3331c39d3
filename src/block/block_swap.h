/// Swapping to a block device.
#pragma once

#include <string_view>

#include "block/block_device.h"

namespace block {

/// swapon(2) for a device: `path` is how it was named. EBUSY: somebody has it for himself. EINVAL:
/// it does not begin with a swap header that makes sense. ENOMEM, EIO, EPERM (too many).
Result<void> swap_on(BlockDevice& device, std::string_view path, int priority);
/// swapoff(2). EINVAL: it is not used so. ENOMEM, EINTR.
Result<void> swap_off(BlockDevice& device);

}  // namespace block
