/// Device nodes of block devices. Linux: block/fops.c, block/ioctl.c.
///
/// Reading and writing go past the page cache, a page at a time: what is written is on the device
/// when write(2) returns.
#pragma once

#include "block/block_device.h"
#include "fs/file.h"

namespace fs {

/// What an open block device node does; private_data of the file is the BlockDevice.
extern const FileOperations& block_file_ops;

/// The device behind a node; null if the inode is not one, or there is none of that number.
block::BlockDevice* block_device_of(const Inode& inode);

}  // namespace fs
