// What can be done to the names in a directory of tmpfs: look up, create, link, remove, rename.
// Everything that can fail is allocated before anything is changed.
#include "abi/fcntl.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/string.h"
#include "mm/slab.h"

namespace fs::tmpfs {
namespace {

constexpr u64 kEntrySize = 20;  // what an entry adds to st_size of its directory, as in Linux

void add_entry(Inode& dir, Entry& entry) {
    tmpfs_inode(dir).entries.insert(entry);
    dir.size.fetch_add(kEntrySize);
    if (entry.inode->is_dir()) dir.link_count.fetch_add(1);
}

void remove_entry(Inode& dir, Entry& entry) {
    tmpfs_inode(dir).entries.erase(entry);
    dir.size.fetch_sub(kEntrySize);
    if (entry.inode->is_dir()) dir.link_count.fetch_sub(1);
}

/// The entry of a positive dentry: it is there, since the directory is locked.
Entry& entry_of(Inode& dir, const Dentry& child) {
    Entry* entry = tmpfs_inode(dir).entries.find(child.name());
    ASSERT(entry && entry->inode == child.inode());
    return *entry;
}

/// Gives the new `inode` the name of `child` in `dir`.
Result<void> add_name(Inode& dir, Dentry& child, Ref<Inode> inode) {
    Entry* entry = TRY(Directory::make_entry(child.name(), inode));
    add_entry(dir, *entry);
    dir.mtime = dir.ctime = current_time();
    child.instantiate(std::move(inode));
    return {};
}

Result<void> make_node(Inode& dir, Dentry& child, const CreateMode& how) {
    return add_name(dir, child, TRY(new_inode(dir.super, &dir, how)));
}

void remove_name(Inode& dir, const Dentry& child) {
    Entry& entry = entry_of(dir, child);
    remove_entry(dir, entry);
    Inode& inode = *entry.inode;
    inode.link_count.fetch_sub(1);
    if (inode.is_dir()) inode.link_count.store(0);
    Directory::free_entry(&entry);  // the dentry still holds the inode
}

Result<void> exchange(Inode& old_dir, const Dentry& from, Inode& new_dir, const Dentry& to) {
    Entry& a = entry_of(old_dir, from);
    Entry& b = entry_of(new_dir, to);
    const int a_dir = a.inode->is_dir(), b_dir = b.inode->is_dir();
    std::swap(a.inode, b.inode);
    old_dir.link_count.fetch_add(static_cast<u32>(b_dir - a_dir));
    new_dir.link_count.fetch_add(static_cast<u32>(a_dir - b_dir));
    return {};
}

class DirectoryInodeOperations final : public InodeOperations {
public:
    Result<void> lookup(Inode& dir, Dentry& child) const override {
        if (Entry* entry = tmpfs_inode(dir).entries.find(child.name())) {
            child.instantiate(entry->inode);
        }
        return {};
    }
    Result<void> create(Inode& dir, Dentry& child, const CreateMode& how) const override {
        return make_node(dir, child, how);
    }
    Result<void> mkdir(Inode& dir, Dentry& child, const CreateMode& how) const override {
        return make_node(dir, child, how);
    }
    Result<void> symlink(Inode& dir, Dentry& child, std::string_view target) const override {
        Ref<Inode> inode = TRY(new_inode(dir.super, &dir, {.mode = abi::S_IFLNK | 0777}));
        void* text = TRY(mm::kmalloc(target.size(), mm::Gfp::Kernel));
        memcpy(text, target.data(), target.size());
        tmpfs_inode(*inode).target = static_cast<char*>(text);
        inode->size.store(target.size());
        return add_name(dir, child, std::move(inode));
    }
    Result<void> link(Inode& dir, Inode& inode, Dentry& child) const override {
        TRY(add_name(dir, child, Ref<Inode>::share(&inode)));
        inode.link_count.fetch_add(1);
        return {};
    }
    Result<void> unlink(Inode& dir, Dentry& child) const override {
        remove_name(dir, child);
        return {};
    }
    Result<void> rmdir(Inode& dir, Dentry& child) const override {
        if (!tmpfs_inode(*child.inode()).entries.empty()) return ENOTEMPTY;
        remove_name(dir, child);
        return {};
    }
    Result<void> rename(Inode& old_dir, Dentry& from, Inode& new_dir, Dentry& to,
                        u32 flags) const override {
        if (flags & abi::RENAME_EXCHANGE) return exchange(old_dir, from, new_dir, to);
        if (!to.is_negative() && !tmpfs_inode(*to.inode()).entries.empty()) return ENOTEMPTY;
        Entry* renamed = TRY(Directory::make_entry(to.name(), Ref<Inode>::share(from.inode())));
        if (!to.is_negative()) remove_name(new_dir, to);
        Entry& old_entry = entry_of(old_dir, from);
        remove_entry(old_dir, old_entry);
        Directory::free_entry(&old_entry);
        add_entry(new_dir, *renamed);
        return {};
    }
};
constexpr DirectoryInodeOperations kDirectoryInodeOps;

class SymlinkInodeOperations final : public InodeOperations {
public:
    Result<usize> readlink(Inode& link, std::span<char> room) const override {
        const usize size = link.size.load();
        const usize count = size < room.size() ? size : room.size();
        memcpy(room.data(), tmpfs_inode(link).target, count);
        return count;
    }
};
constexpr SymlinkInodeOperations kSymlinkInodeOps;

class SpecialInodeOperations final : public InodeOperations {};
constexpr SpecialInodeOperations kSpecialInodeOps;

}  // namespace

constinit const InodeOperations& directory_inode_ops = kDirectoryInodeOps;
constinit const InodeOperations& symlink_inode_ops = kSymlinkInodeOps;
constinit const InodeOperations& special_inode_ops = kSpecialInodeOps;

}  // namespace fs::tmpfs
