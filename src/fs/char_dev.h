/// Character devices: from the numbers in a device node to the code behind it.
#pragma once

#include "fs/file.h"

namespace fs {

constexpr u32 make_dev(u32 major, u32 minor) {
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}
constexpr u32 major_of(u32 device) { return device >> 8 & 0xfff; }
constexpr u32 minor_of(u32 device) { return (device & 0xff) | (device >> 12 & 0xfff00); }

/// A range of minors of one major, served by one FileOperations. Also makes nodes in devtmpfs.
/// When a node is opened, ops.open() finds `context` in file.private_data, and may replace it.
struct CharDevice {
    const char* name;  // node name: "null"; with count > 1 "ttyS" becomes ttyS0, ttyS1, …
    u32 major;
    u32 first_minor;
    u32 count;
    u32 mode;  // permissions of the nodes
    const FileOperations& ops;
    void* context = nullptr;
    CharDevice* next = nullptr;
};

/// Makes the device known, and its nodes appear in devtmpfs. Cannot be undone. EBUSY if another
/// device has one of the numbers, EINVAL, ENOMEM.
Result<void> register_char_device(CharDevice& device);

/// The device with that number, or null.
CharDevice* find_char_device(u32 device);

/// Calls `body` for each, for /proc/devices.
void for_each_char_device(void (*body)(const CharDevice&, void*), void* context);

/// Writes the name of the node for `minor`, which is one of the device's: "null", "ttyS0".
usize char_device_name(const CharDevice& device, u32 minor, std::span<char> room);

/// Set once by devtmpfs: called for each device that is registered from then on.
extern constinit std::atomic<Result<void> (*)(const CharDevice&)> char_device_added;

/// What inodes of device nodes use as file_ops: open() looks the device up. ENXIO.
extern const FileOperations& device_node_ops;

/// The same for files that cannot be opened (sockets by name): ENXIO.
extern const FileOperations& no_open_ops;

/// What an inode of a special file (device, fifo, socket) with `mode` uses as file_ops.
const FileOperations& special_file_ops(u32 mode);

}  // namespace fs
