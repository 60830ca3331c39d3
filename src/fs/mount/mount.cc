// The table of mounts, and how a walk crosses from one to another.
#include "fs/mount.h"

#include "abi/mount.h"
#include "core/log/panic.h"
#include "fs/dentry_path.h"
#include "fs/mount/mount_table.h"
#include "lib/string.h"
#include "mm/own.h"

namespace fs {
namespace {

struct Place {
    const Mount* mount;
    const Dentry* dentry;
};
bool is_before(const Place& a, const Place& b) {
    return a.mount != b.mount ? a.mount < b.mount : a.dentry < b.dentry;
}
Place place_of(const Mount& mount) { return {mount.parent.get(), mount.mountpoint.get()}; }

struct ByPlace {
    bool operator()(const Mount& a, const Mount& b) const {
        return is_before(place_of(a), place_of(b));
    }
    bool operator()(const Mount& a, const Place& b) const { return is_before(place_of(a), b); }
    bool operator()(const Place& a, const Mount& b) const { return is_before(a, place_of(b)); }
};

constinit RbTree<Mount, &Mount::node, ByPlace> by_place GUARDED_BY(MountTable::lock);
constinit Mount* first_mount = nullptr;  // set once at boot
constinit u32 next_id GUARDED_BY(MountTable::mutex) = 1;

void place_locked(Mount& mount, const Path& place) REQUIRES(MountTable::lock) {
    mount.parent = place.mount;
    mount.mountpoint = place.dentry;
    place.dentry->mount_count.fetch_add(1);
    by_place.insert(mount);
}

/// The place it stood on, to be dropped without the lock.
Path displace_locked(Mount& mount) REQUIRES(MountTable::lock) {
    by_place.erase(mount);
    mount.mountpoint->mount_count.fetch_sub(1);
    return Path(std::move(mount.parent), std::move(mount.mountpoint));
}

}  // namespace

constinit sched::Mutex MountTable::mutex{"mount_namespace"};
constinit SpinLock MountTable::lock{"mounts", LockRank::Mounts};
constinit MountTable::MountList MountTable::all;

// --- the table --------------------------------------------------------------------------------

Ref<Mount> MountTable::find(const Path& path) {
    IrqGuard guard(lock);
    return Ref<Mount>::share(by_place.find(Place{path.mount.get(), path.dentry.get()}));
}

void MountTable::attach(Ref<Mount> mount, const Path& place) {
    IrqGuard guard(lock);
    mount->id = next_id++;
    place_locked(*mount, place);
    all.push_back(*mount.leak());
}

void MountTable::move(Mount& mount, const Path& place) {
    Path old;
    IrqGuard guard(lock);
    old = displace_locked(mount);
    place_locked(mount, place);
}

bool MountTable::is_on(const Mount& mount, const Mount& other) {
    const Mount* at = &mount;
    while (at && at != &other) at = at->parent.get();
    return at != nullptr;
}

Result<void> MountTable::detach(Mount& mount, u32 users) {
    Ref<Mount> table_reference;
    Path old;
    IrqGuard guard(lock);
    // A mount standing on this one holds it too, so one count answers both questions.
    if (mount.ref_count.value() > users + 1) return EBUSY;
    old = displace_locked(mount);
    mount.link.unlink();
    table_reference = Ref<Mount>::adopt(&mount);
    return {};
}

void MountTable::detach_tree(Mount& mount) {
    MountList gone;
    for (Mount& at : all.removable()) {
        if (!is_on(at, mount)) continue;
        at.link.unlink();
        gone.push_front(at);  // those that stand on others come first
    }
    while (Mount* at = gone.pop_front()) {
        Ref<Mount> table_reference = Ref<Mount>::adopt(at);
        Path old;
        IrqGuard guard(lock);
        old = displace_locked(*at);
    }
}

void Mount::release(Mount* mount) { mm::destroy(mount); }

void for_each_mount(void (*body)(const Mount& mount, void* context), void* context) {
    sched::MutexGuard guard(MountTable::mutex);
    for (const Mount& mount : MountTable::all) body(mount, context);
}

// --- walking over mounts ----------------------------------------------------------------------

void follow_mount(Path& path) {
    while (path.dentry->mount_count.load(std::memory_order_acquire) > 0) {
        Ref<Mount> mounted = MountTable::find(path);
        if (!mounted) return;  // mounted on this dentry as another mount shows it
        Ref<Dentry> root = mounted->root;
        path = Path(std::move(mounted), std::move(root));
    }
}

bool follow_up(Path& path) {
    Path up;
    {
        IrqGuard guard(MountTable::lock);
        if (!path.mount->parent) return false;
        up = Path(path.mount->parent, path.mount->mountpoint);
    }
    path = std::move(up);
    return true;
}

Result<std::string_view> d_path(const Path& path, const Path& root, std::span<char> room) {
    PathBuffer out(room);
    if (path.dentry->is_unlinked() && !out.prepend(" (deleted)")) return ENAMETOOLONG;
    const usize suffix = out.text().size();

    Path at = path;
    for (;;) {
        const bool below_root = at.mount == root.mount.get() && at.dentry->is_below(*root.dentry);
        const Dentry* stop = below_root ? root.dentry.get() : at.mount->root.get();
        if (!prepend_names(*at.dentry, stop, out)) return ENAMETOOLONG;
        if (below_root) break;
        at = Path(at.mount, at.mount->root);
        if (!follow_up(at)) break;
    }
    if (out.text().size() == suffix && !out.prepend("/")) return ENAMETOOLONG;
    return out.text();
}

// --- what a mount allows ----------------------------------------------------------------------

Result<void> mnt_want_write(const Path& path) {
    if (path.mount && path.mount->flags & abi::MS_RDONLY) return EROFS;
    return {};
}

/// relatime: only if nobody could tell otherwise that the file was read since it was changed, or
/// if the time is a day old.
static bool is_atime_due(const Inode& inode, const TimeSpec& now) {
    constexpr i64 kDay = 24 * 60 * 60;
    const auto is_later = [](const TimeSpec& a, const TimeSpec& b) {
        return a.sec != b.sec ? a.sec > b.sec : a.nsec > b.nsec;
    };
    return !is_later(inode.atime, inode.mtime) || !is_later(inode.atime, inode.ctime) ||
           now.sec - inode.atime.sec >= kDay;
}

void touch_atime(const Path& path) {
    Inode* inode = path.inode();
    const u32 flags = path.mount ? path.mount->flags : u32{abi::MS_NOATIME};
    if (!inode || flags & (abi::MS_RDONLY | abi::MS_NOATIME)) return;
    if (inode->is_dir() && flags & abi::MS_NODIRATIME) return;
    const TimeSpec now = current_time();
    if (flags & abi::MS_RELATIME && !is_atime_due(*inode, now)) return;
    inode->atime = now;
}

// --- boot -------------------------------------------------------------------------------------

Path root_path() {
    return Path(Ref<Mount>::share(first_mount), Ref<Dentry>::share(first_mount->root.get()));
}

Result<void> mount_root(Ref<SuperBlock> super, std::string_view source) {
    sched::MutexGuard guard(MountTable::mutex);
    auto mount = TRY(mm::make<Mount>());
    mount->root = super->root;
    mount->super = std::move(super);
    mount->id = next_id++;
    copy_string(mount->source, source);
    first_mount = mount.leak();
    MountTable::all.push_back(*first_mount);
    return {};
}

static Result<void> mount_rootfs() {
    TRY(init_dcache());
    const FileSystemType* type = find_file_system("rootfs");
    if (!type) return ENODEV;
    return mount_root(TRY(type->mount("rootfs", 0, "")), "rootfs");
}

void init() {
    const auto done = mount_rootfs();
    if (!done.ok()) panic("VFS: cannot mount the root file system: %s", done.error());
}

}  // namespace fs
