/// Mounts: which file system is attached where; and Path, a place in the whole tree.
/// Linux: fs/namespace.c.
#pragma once

#include "fs/dentry.h"
#include "fs/super_block.h"
#include "lib/rbtree.h"

namespace fs {

/// One file system attached at one place. Linux' struct mount.
class Mount {
public:
    RefCount ref_count;
    Ref<SuperBlock> super;
    Ref<Dentry> root;        // of what is mounted
    Ref<Mount> parent;       // null for the first
    Ref<Dentry> mountpoint;  // in `parent`
    u32 flags = 0;           // MS_RDONLY, MS_NOSUID, …
    u32 id = 0;
    char source[64] = {};         // as given to mount(2): "proc"
    ListLink link;                // in the mount table
    RbNode node;                  // in the mount table, by (parent, mountpoint)
    std::atomic<u32> writers{0};  // files open for writing through it
    static void release(Mount* mount);
};

/// A dentry and the mount it is seen through. Linux' struct path.
struct Path {
    Ref<Mount> mount;
    Ref<Dentry> dentry;

    Path() = default;
    Path(Ref<Mount> mount, Ref<Dentry> dentry)
        : mount(std::move(mount)), dentry(std::move(dentry)) {}
    Path(const Path&) = default;
    Path(Path&&) = default;
    /// By value, so that the old dentry goes before the old mount: it may be the mount's last.
    Path& operator=(Path other) noexcept {
        std::swap(mount, other.mount);
        std::swap(dentry, other.dentry);
        return *this;
    }

    /// Null for a name without a file, and for the path of a file without a name (a pipe).
    Inode* inode() const { return dentry ? dentry->inode() : nullptr; }
    bool same_as(const Path& other) const {
        return mount.get() == other.mount.get() && dentry.get() == other.dentry.get();
    }
};

/// mount(2) without the user pointers. ENODEV for an unknown type, ENOTDIR, EBUSY, EPERM.
Result<void> do_mount(std::string_view source, const Path& target, std::string_view type, u32 flags,
                      std::string_view data);
/// MS_BIND, MS_REMOUNT, MS_MOVE variants are in do_mount; umount2(2): EINVAL, EBUSY.
Result<void> do_umount(const Path& target, u32 flags);

/// Makes `super` the first mount, on which all others stand. Boot.
Result<void> mount_root(Ref<SuperBlock> super, std::string_view source);

/// If something is mounted on `path`, goes to its root (repeatedly).
void follow_mount(Path& path);
/// If `path` is the root of a mount, goes to the place it is mounted on. False at the very top.
bool follow_up(Path& path);

/// Whether files may be changed through this mount: EROFS. Everything that writes asks first.
Result<void> mnt_want_write(const Path& path);

/// Notes that the file was read, as the mount's atime options say.
void touch_atime(const Path& path);

/// Boot: mounts the first tmpfs. Afterwards names can be looked up and files made.
void init();

/// The root of everything: the first tmpfs.
Path root_path();

/// Calls `body` for each mount, oldest first; used by /proc/mounts.
void for_each_mount(void (*body)(const Mount& mount, void* context), void* context);

/// Writes the absolute name of `path` as seen from `root`; the text ends at room's end and starts
/// at the returned offset. Unlinked names get " (deleted)". ENAMETOOLONG.
Result<std::string_view> d_path(const Path& path, const Path& root, std::span<char> room);

}  // namespace fs
