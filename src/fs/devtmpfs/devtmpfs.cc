// devtmpfs: a tmpfs in which the nodes of all devices appear by themselves.
//
// There is one, however often it is mounted: it comes to life with the first mount, then holds a
// node for each device that is registered, at once or later, and the few names that programs
// expect beside them. Users may change it like any tmpfs. Linux: drivers/base/devtmpfs.c.
#include "block/block_device.h"
#include "core/log/printk.h"
#include "fs/char_dev.h"
#include "fs/namei.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/string.h"

namespace fs::devtmpfs {
namespace {

constinit sched::Mutex mount_mutex{"devtmpfs"};
constinit SuperBlock* the_super GUARDED_BY(mount_mutex) = nullptr;
constinit std::atomic<Dentry*> the_root{nullptr};  // set once, never given back

constexpr usize kMaxNode = 64;  // length of a node's name

/// Calls make(dir, child) for the new name in `parent`. Who was there first stays.
template <class Make>
Result<void> add(Dentry& parent, std::string_view name, Make make) {
    Inode& dir = *parent.inode();
    sched::MutexGuard guard(dir.mutex);
    Ref<Dentry> child = TRY(lookup_one(parent, name));
    if (!child->is_negative()) return {};
    return make(dir, *child);
}

Result<void> add_directory(Dentry& parent, std::string_view name, u32 mode) {
    return add(parent, name, [&](Inode& dir, Dentry& child) -> Result<void> {
        TRY(dir.ops.mkdir(dir, child, {.mode = abi::S_IFDIR | mode}));
        return {};
    });
}

Result<void> add_symlink(Dentry& parent, std::string_view name, std::string_view target) {
    return add(parent, name,
               [&](Inode& dir, Dentry& child) { return dir.ops.symlink(dir, child, target); });
}

/// "pts/0" lies in a directory, which is made if it is not there.
/// `mode` with the type.
Result<void> add_node(Dentry& root, std::string_view name, u32 mode, u32 device) {
    Ref<Dentry> parent = Ref<Dentry>::share(&root);
    for (usize slash; (slash = name.find('/')) != name.npos; name.remove_prefix(slash + 1)) {
        const std::string_view folder = name.substr(0, slash);
        TRY(add_directory(*parent, folder, 0755));
        sched::MutexGuard guard(parent->inode()->mutex);
        Ref<Dentry> next = TRY(lookup_one(*parent, folder));
        if (next->is_negative() || !next->inode()->is_dir()) return ENOTDIR;
        parent = std::move(next);
    }
    return add(*parent, name, [&](Inode& dir, Dentry& child) -> Result<void> {
        TRY(dir.ops.create(dir, child, {.mode = mode, .device = device}));
        child.inode()->uid = child.inode()->gid = 0;  // whoever happened to mount it first
        return {};
    });
}

Result<void> add_device(const CharDevice& device) {
    Dentry* root = the_root.load();
    if (!root) return {};
    for (u32 i = 0; i < device.count; i++) {
        char name[kMaxNode];
        const u32 minor = device.first_minor + i;
        const usize length = char_device_name(device, minor, name);
        if (length >= sizeof name) return ENAMETOOLONG;
        TRY(add_node(*root, {name, length}, abi::S_IFCHR | device.mode,
                     make_dev(device.major, minor)));
    }
    return {};
}

Result<void> add_disk(const block::BlockDevice& device) {
    Dentry* root = the_root.load();
    if (!root) return {};
    return add_node(*root, {device.name, strlen(device.name)}, abi::S_IFBLK | 0660,
                    make_dev(device.major, device.minor));
}

void add_registered(const CharDevice& device, void*) {
    const auto added = add_device(device);
    if (!added.ok()) {
        printk(Level::Err, "devtmpfs: no node for %s: %s\n", device.name, added.error());
    }
}

Result<void> add_fixed_names(Dentry& root) {
    TRY(add_directory(root, "pts", 0755));
    TRY(add_directory(root, "shm", 01777));
    TRY(add_symlink(root, "fd", "/proc/self/fd"));
    TRY(add_symlink(root, "stdin", "/proc/self/fd/0"));
    TRY(add_symlink(root, "stdout", "/proc/self/fd/1"));
    return add_symlink(root, "stderr", "/proc/self/fd/2");
}

Result<Ref<SuperBlock>> mount(std::string_view, u32, std::string_view data);

FILE_SYSTEM(devtmpfs) = {.name = "devtmpfs", .mount = mount};

Result<Ref<SuperBlock>> mount(std::string_view, u32, std::string_view data) {
    sched::MutexGuard guard(mount_mutex);
    if (the_super) return Ref<SuperBlock>::share(the_super);

    Ref<SuperBlock> super = TRY(tmpfs::make_super(devtmpfs_type, data));
    tmpfs::tmpfs_super(*super).root_mode = 01777;  // not shown: it is the usual one here
    super->root->inode()->mode = abi::S_IFDIR | 0755;
    TRY(add_fixed_names(*super->root));
    the_super = Ref<SuperBlock>(super).leak();
    // First the hook, then the devices so far: one that comes between is added twice, not never.
    the_root.store(super->root.get());
    char_device_added.store(add_device, std::memory_order_release);
    for_each_char_device(add_registered, nullptr);
    block::block_device_added.store(add_disk, std::memory_order_release);
    for (const auto* disk = block::first_block_device(); disk; disk = disk->next) {
        const auto added = add_disk(*disk);
        if (added.ok()) continue;
        printk(Level::Err, "devtmpfs: no node for %s: %s", disk->name, added.error());
    }
    return super;
}

}  // namespace
}  // namespace fs::devtmpfs
