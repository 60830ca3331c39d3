// mount(2) and umount2(2): one system call for six different things, told apart by flags.
// Linux: fs/namespace.c, path_mount().
#include "abi/mount.h"
#include "abi/prctl.h"
#include "fs/mount/mount_table.h"
#include "fs/namei.h"
#include "lib/string.h"
#include "mm/own.h"

namespace fs {
namespace {

using namespace abi;

/// What a mount remembers of the flags.
constexpr u32 kKeptFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS |
                           MS_DIRSYNC | MS_NOSYMFOLLOW | MS_NOATIME | MS_NODIRATIME | MS_RELATIME |
                           MS_STRICTATIME;

u32 kept_flags(u32 flags) {
    u32 kept = flags & kKeptFlags;
    if (!(kept & (MS_NOATIME | MS_STRICTATIME))) kept |= MS_RELATIME;
    return kept;
}

bool is_mount_root(const Path& path) { return path.dentry == path.mount->root.get(); }

/// A directory is mounted on a directory, a file on a file.
Result<void> check_fits(const Dentry& root, const Path& place) {
    if (place.dentry->is_unlinked()) return ENOENT;
    if (root.inode()->is_dir() != place.inode()->is_dir()) return ENOTDIR;
    return {};
}

Result<Ref<Mount>> make_mount(Ref<SuperBlock> super, Ref<Dentry> root, std::string_view source) {
    auto mount = TRY(mm::make<Mount>());
    mount->super = std::move(super);
    mount->root = std::move(root);
    copy_string(mount->source, source);
    return Ref<Mount>::adopt(mount.leak());
}

/// The place where a new mount on `target` goes: on top of what is mounted there already.
Path top_of(const Path& target) {
    Path place = target;
    follow_mount(place);
    return place;
}

Result<void> add_mount(Ref<Mount> mount, const Path& target) {
    sched::MutexGuard guard(MountTable::mutex);
    const Path place = top_of(target);
    TRY(check_fits(*mount->root, place));
    MountTable::attach(std::move(mount), place);
    return {};
}

struct MountArgs {
    std::string_view source, type, data;
    u32 flags;
};

Result<void> do_new_mount(const MountArgs& args, const Path& target) {
    const FileSystemType* type = find_file_system(args.type);
    if (!type) return ENODEV;
    Ref<SuperBlock> super = TRY(type->mount(args.source, args.flags, args.data));
    const Path place = top_of(target);
    // The same thing twice on one place is a mistake that nobody could see.
    if (place.mount->super == super && is_mount_root(place)) return EBUSY;
    Ref<Dentry> root = super->root;
    auto mount = TRY(make_mount(std::move(super), std::move(root), args.source));
    mount->flags = kept_flags(args.flags);
    return add_mount(std::move(mount), target);
}

/// MS_BIND: what is at `source` appears at `target` as well.
Result<void> do_loopback(std::string_view source, const Path& target) {
    const Path from = TRY(lookup(source, kLookupFollow));
    auto mount = TRY(make_mount(from.mount->super, from.dentry, from.mount->source));
    mount->flags = from.mount->flags;
    return add_mount(std::move(mount), target);
}

Result<void> do_remount(const Path& target, u32 flags, std::string_view data) {
    if (!is_mount_root(target)) return EINVAL;
    Mount& mount = *target.mount;
    sched::MutexGuard guard(MountTable::mutex);
    const bool becomes_read_only = flags & MS_RDONLY && !(mount.flags & MS_RDONLY);
    if (becomes_read_only && mount.writers.load() > 0) return EBUSY;
    if (!(flags & MS_BIND)) TRY(mount.super->ops.remount(*mount.super, data));
    mount.flags = kept_flags(flags);
    return {};
}

/// MS_MOVE: the mount at `source` stands at `target` instead.
Result<void> do_move_mount(std::string_view source, const Path& target) {
    const Path from = TRY(lookup(source, kLookupFollow));
    if (!is_mount_root(from)) return EINVAL;
    sched::MutexGuard guard(MountTable::mutex);
    const Path place = top_of(target);
    if (!from.mount->parent) return EINVAL;
    TRY(check_fits(*from.dentry, place));
    if (MountTable::is_on(*place.mount, *from.mount)) return ELOOP;
    MountTable::move(*from.mount, place);
    return {};
}

/// Mounts propagate nowhere here, so "private" is what they are, and "shared" cannot be had.
Result<void> do_change_type(const Path& target, u32 flags) {
    if (!is_mount_root(target)) return EINVAL;
    return flags & MS_SHARED ? Result<void>(EINVAL) : Result<void>();
}

}  // namespace

Result<void> do_mount(std::string_view source, const Path& target, std::string_view type, u32 flags,
                      std::string_view data) {
    constexpr u32 kPropagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    if ((flags & MS_MGC_MSK) == MS_MGC_VAL) flags &= ~MS_MGC_MSK;
    if (!capable(CAP_SYS_ADMIN)) return EPERM;

    if (flags & MS_REMOUNT) return do_remount(target, flags, data);
    if (flags & MS_BIND) return do_loopback(source, target);
    if (flags & kPropagation) return do_change_type(target, flags);
    if (flags & MS_MOVE) return do_move_mount(source, target);
    return do_new_mount({source, type, data, flags}, target);
}

Result<void> do_umount(const Path& target, u32 flags) {
    if (flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW)) return EINVAL;
    if (!capable(CAP_SYS_ADMIN)) return EPERM;
    if (!is_mount_root(target)) return EINVAL;

    sched::MutexGuard guard(MountTable::mutex);
    Mount& mount = *target.mount;
    if (!mount.link.is_linked()) return EINVAL;  // somebody was faster
    if (!mount.parent) return EBUSY;             // everything stands on it
    if (flags & MNT_DETACH) {
        MountTable::detach_tree(mount);
        return {};
    }
    return MountTable::detach(mount, 1);
}

}  // namespace fs
