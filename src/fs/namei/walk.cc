// Walking path names: see walk.h.
#include "fs/namei/walk.h"

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "fs/fd_table.h"
#include "mm/slab.h"
#include "sched/task.h"

namespace fs {
namespace {

void skip_slashes(std::string_view& text) {
    while (text.starts_with('/')) text.remove_prefix(1);
}

/// Takes the first component off `text`, and the slashes behind it; says whether there were any.
std::string_view take_component(std::string_view& text, bool& had_slash) {
    const std::string_view name = text.substr(0, text.find('/'));
    text.remove_prefix(name.size());
    had_slash = !text.empty();
    skip_slashes(text);
    return name;
}

LastKind kind_of(std::string_view name) {
    if (name == ".") return LastKind::Dot;
    if (name == "..") return LastKind::DotDot;
    return LastKind::Name;
}

Result<void> may_search(const Inode& dir) {
    if (!dir.is_dir()) return ENOTDIR;
    return inode_permission(dir, abi::X_OK);
}

/// The child `name`, from the cache without any lock, else from the file system.
Result<Ref<Dentry>> lookup_child(Dentry& dir, std::string_view name) {
    if (auto cached = Dentry::lookup_cached(dir, name)) return cached;
    sched::MutexGuard guard(dir.inode()->mutex);
    return lookup_one(dir, name);
}

}  // namespace

Path task_root() {
    FsStruct* fs = sched::current().fs;
    return fs ? fs->root() : root_path();
}

PathWalk::PathWalk(const Path& start) : path(start), root_(task_root()) {}

PathWalk::~PathWalk() {
    while (top_) pop();
}

void PathWalk::pop() {
    Text* gone = top_;
    top_ = gone->below;
    mm::kfree(gone);
}

/// Whether no text has a component left. Those below the top one always have, but the caller's.
bool PathWalk::is_finished() const {
    if (!top_) return base_rest_.empty();
    return top_->rest.empty() && !top_->below && base_rest_.empty();
}

Result<void> PathWalk::to_parent(std::string_view name) {
    if (name.empty()) return ENOENT;
    if (name.size() >= abi::kPathMax) return ENAMETOOLONG;
    if (name.starts_with('/')) path = root_;
    base_rest_ = name;
    skip_slashes(base_rest_);
    return link_path_walk(0);
}

Result<void> PathWalk::link_path_walk(u32 flags) {
    for (;;) {
        while (top_ && top_->rest.empty() && !is_finished()) pop();
        if (is_finished()) {
            kind = LastKind::Root;
            return {};
        }
        TRY(may_search(*path.inode()));
        bool had_slash = false;
        const std::string_view name = take_component(rest(), had_slash);
        if (is_finished()) {
            must_be_dir_ |= had_slash;
            last = name;
            kind = kind_of(name);
            return {};
        }
        TRY(walk_component(name, flags));
    }
}

/// A component in the middle: links are followed, whatever it is must exist.
Result<void> PathWalk::walk_component(std::string_view name, u32 flags) {
    switch (kind_of(name)) {
    case LastKind::Dot: return {};
    case LastKind::DotDot: follow_dotdot(); return {};
    default: break;
    }
    Ref<Dentry> child = TRY(lookup_child(*path.dentry, name));
    if (child->is_negative()) return ENOENT;
    if (child->inode()->is_symlink()) {
        TRY(push_link(*child->inode(), flags));
    } else {
        step_into(std::move(child));
    }
    return {};
}

void PathWalk::step_into(Ref<Dentry> child) {
    path = Path(path.mount, std::move(child));
    follow_mount(path);
}

void PathWalk::follow_dotdot() {
    while (!path.same_as(root_)) {
        if (path.dentry != path.mount->root.get()) {
            if (Ref<Dentry> parent = path.dentry->get_parent()) {
                path = Path(path.mount, std::move(parent));
            }
            break;
        }
        if (!follow_up(path)) break;
    }
    follow_mount(path);
}

/// The target of `link`, as a text that belongs to the caller.
Result<PathWalk::Text*> PathWalk::read_link(Inode& link) {
    // Most are short; where the size is made up (procfs), a full buffer tells that it was wrong.
    usize room = link.size.load() + 1;
    if (room < 128) room = 128;
    for (;;) {
        if (room > abi::kPathMax) room = abi::kPathMax;
        void* memory = TRY(mm::kmalloc(sizeof(Text) + room, mm::Gfp::Kernel));
        auto* text = new (memory) Text{};
        auto length = link.ops.readlink(link, std::span(text->target, room));
        if (length.ok() && length.value() < room) {
            text->rest = {text->target, length.value()};
            return text;
        }
        mm::kfree(memory);
        if (!length.ok()) return length.error();
        if (room == abi::kPathMax) return ENAMETOOLONG;
        room = abi::kPathMax;
    }
}

/// Goes on with the target of `link`. `path` is the directory that the link is in.
Result<PathWalk::Link> PathWalk::push_link(Inode& link, u32 flags) {
    if (++links_ > kMaxLinks) return ELOOP;
    if (path.mount->flags & abi::MS_NOSYMFOLLOW) return ELOOP;

    Path to;
    if (TRY(link.ops.follow_magic(link, to))) {
        if (flags & kLookupNoMagic) return ELOOP;
        path = std::move(to);
        return Link::Jumped;
    }
    Text* text = TRY(read_link(link));
    const std::string_view target = text->rest;
    skip_slashes(text->rest);
    if (top_ && top_->rest.empty()) pop();
    text->below = top_;
    top_ = text;
    if (target.empty()) return ENOENT;
    if (target.starts_with('/')) path = root_;
    return Link::Pushed;
}

Result<void> PathWalk::follow_last(Ref<Dentry> link, u32 flags) {
    if (TRY(push_link(*link->inode(), flags)) == Link::Jumped) {
        kind = LastKind::Jumped;
        return {};
    }
    return link_path_walk(flags);
}

Result<void> PathWalk::to_end(u32 flags) {
    if (must_be_dir_) flags |= kLookupFollow;
    while (kind == LastKind::Name) {
        Ref<Dentry> child = TRY(lookup_child(*path.dentry, last));
        if (child->is_negative()) return ENOENT;
        if (!child->inode()->is_symlink() || !(flags & kLookupFollow)) {
            step_into(std::move(child));
            break;
        }
        TRY(follow_last(std::move(child), flags));
        if (must_be_dir_) flags |= kLookupFollow;
    }
    if (kind == LastKind::DotDot) follow_dotdot();
    if ((flags & kLookupDirectory || must_be_dir_) && !path.inode()->is_dir()) return ENOTDIR;
    return {};
}

// --- what the rest of the kernel calls --------------------------------------------------------

Result<Path> start_of_walk(int dirfd, std::string_view name) {
    if (name.starts_with('/')) return task_root();
    if (dirfd == abi::AT_FDCWD) {
        FsStruct* fs = sched::current().fs;
        return fs ? fs->cwd() : root_path();
    }
    const Ref<File> file = TRY(fget(dirfd));
    if (!file->path.dentry) return ENOTDIR;
    if (!name.empty() && !file->inode()->is_dir()) return ENOTDIR;
    return file->path;
}

Result<Path> lookup(const Path& start, std::string_view name, u32 flags) {
    if (name.empty() && flags & kLookupEmpty) return start;
    PathWalk walk(start);
    TRY(walk.to_parent(name));
    TRY(walk.to_end(flags));
    return std::move(walk.path);
}

Result<Path> lookup(std::string_view name, u32 flags) {
    return lookup(TRY(start_of_walk(abi::AT_FDCWD, name)), name, flags);
}

Result<ParentLookup> lookup_parent(const Path& start, std::string_view name) {
    PathWalk walk(start);
    TRY(walk.to_parent(name));
    const bool has_name = walk.kind != LastKind::Root;
    return ParentLookup{std::move(walk.path), has_name ? walk.last : std::string_view(),
                        walk.must_be_dir()};
}

Result<Ref<Dentry>> lookup_one(Dentry& parent, std::string_view last) {
    if (auto cached = Dentry::lookup_cached(parent, last)) return cached;
    Inode& dir = *parent.inode();
    if (dir.link_count.load() == 0) return ENOENT;  // removed while we were on the way
    Ref<Dentry> child = TRY(Dentry::create(parent, last));
    TRY(dir.ops.lookup(dir, *child));
    child->add_to_cache();
    return child;
}

Result<Ref<Dentry>> lookup_in(const Path& parent, std::string_view last) {
    return lookup_one(*parent.dentry, last);
}

Result<void> may_create(const Inode& dir) {
    if (dir.link_count.load() == 0) return ENOENT;
    return inode_permission(dir, abi::W_OK | abi::X_OK);
}

Result<void> may_delete(const Inode& dir, const Dentry& victim, Victim wanted) {
    const Inode& inode = *victim.inode();
    TRY(inode_permission(dir, abi::W_OK | abi::X_OK));
    const u32 me = sched::current().cred.fsuid;
    const bool is_mine = me == inode.uid || me == dir.uid || capable(abi::CAP_FOWNER);
    if (dir.mode & abi::S_ISVTX && !is_mine) return EPERM;
    if (wanted == Victim::Directory && !inode.is_dir()) return ENOTDIR;
    if (wanted == Victim::File && inode.is_dir()) return EISDIR;
    if (victim.mount_count.load() > 0) return EBUSY;
    return {};
}

u32 apply_umask(u32 mode) {
    FsStruct* fs = sched::current().fs;
    return fs ? mode & ~fs->umask.load(std::memory_order_relaxed) : mode;
}

}  // namespace fs
