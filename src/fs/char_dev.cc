// The registry of character devices, and what opening a device node does.
#include "fs/char_dev.h"

#include "fs/block_dev.h"
#include "fs/fifo.h"
#include "lib/format.h"

namespace fs {
namespace {

/// Devices are few and never leave, so a list that only grows needs a lock for adding alone.
constinit sched::Mutex registry_mutex{"char_devices"};
constinit std::atomic<CharDevice*> devices{nullptr};

bool overlap(const CharDevice& a, const CharDevice& b) {
    return a.major == b.major && a.first_minor < b.first_minor + b.count &&
           b.first_minor < a.first_minor + a.count;
}

Result<void> add(CharDevice& device) {
    sched::MutexGuard guard(registry_mutex);
    CharDevice* first = devices.load();
    for (CharDevice* at = first; at; at = at->next) {
        if (overlap(*at, device)) return EBUSY;
    }
    device.next = first;
    devices.store(&device, std::memory_order_release);
    return {};
}

class DeviceNodeOperations final : public FileOperations {
public:
    /// The file becomes one of the device: this object is not asked again.
    Result<void> open(File& file) const override {
        const Inode& inode = *file.inode();
        if (block::BlockDevice* disk = block_device_of(inode)) {
            file.ops = &block_file_ops;
            file.private_data = disk;
            return {};
        }
        CharDevice* device = inode.is_char_device() ? find_char_device(inode.device) : nullptr;
        if (!device) return ENXIO;
        file.ops = &device->ops;
        file.private_data = device->context;
        return file.ops->open(file);
    }
};
constexpr DeviceNodeOperations kDeviceNodeOps;

class NoOpenOperations final : public FileOperations {
public:
    Result<void> open(File&) const override { return ENXIO; }
};
constexpr NoOpenOperations kNoOpenOps;

}  // namespace

constinit const FileOperations& device_node_ops = kDeviceNodeOps;
constinit const FileOperations& no_open_ops = kNoOpenOps;
constinit std::atomic<Result<void> (*)(const CharDevice&)> char_device_added{nullptr};

const FileOperations& special_file_ops(u32 mode) {
    switch (mode & abi::S_IFMT) {
    case abi::S_IFIFO: return fifo_ops;
    case abi::S_IFSOCK: return no_open_ops;
    default: return device_node_ops;
    }
}

Result<void> register_char_device(CharDevice& device) {
    if (device.count == 0 || device.major > 0xfff) return EINVAL;
    TRY(add(device));
    if (auto* added = char_device_added.load(std::memory_order_acquire)) return added(device);
    return {};
}

CharDevice* find_char_device(u32 number) {
    const u32 major = major_of(number), minor = minor_of(number);
    for (CharDevice* at = devices.load(std::memory_order_acquire); at; at = at->next) {
        if (at->major == major && minor - at->first_minor < at->count) return at;
    }
    return nullptr;
}

void for_each_char_device(void (*body)(const CharDevice&, void*), void* context) {
    for (CharDevice* at = devices.load(std::memory_order_acquire); at; at = at->next) {
        body(*at, context);
    }
}

usize char_device_name(const CharDevice& device, u32 minor, std::span<char> room) {
    if (device.count == 1) return format_to(room, "%s", device.name);
    return format_to(room, "%s%u", device.name, minor - device.first_minor);
}

}  // namespace fs
