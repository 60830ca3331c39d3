/// tmpfs: a file system whose files live in the page cache and nowhere else. Linux: mm/shmem.c.
///
/// A directory is two trees over the same entries: by hash and name, so that a lookup does not
/// grow with the directory, and by offset, so that readdir goes on where it stopped. Each entry
/// gets an offset higher than all before it and keeps it, so whatever is removed or added while
/// somebody reads, no other entry is missed or shown twice.
///
/// Space is counted in pages and inodes, for the whole file system, so `size=` and `nr_inodes=`
/// can keep one user from taking all memory.
///
/// Locks: a directory's entries and a file's size by the mutex of the inode; counts are atomic,
/// and a file's charge by the spin lock of the superblock.
#pragma once

#include "fs/super_block.h"
#include "lib/rbtree.h"

namespace fs::tmpfs {

/// A name in a directory. Holds its inode.
struct Entry {
    RbNode by_name;
    RbNode by_offset;
    u64 hash;    // of the name
    u64 offset;  // in the directory: what readdir resumes at
    Ref<Inode> inode;
    Entry* next_dropped = nullptr;  // while a whole tree is being freed
    u8 length;
    char text[];

    std::string_view name() const { return {text, length}; }
};

/// What names sort by.
struct NameKey {
    u64 hash;
    std::string_view name;
};
struct ByName {
    static bool less(const NameKey& a, const NameKey& b) {
        return a.hash != b.hash ? a.hash < b.hash : a.name < b.name;
    }
    static NameKey key(const Entry& entry) { return {entry.hash, entry.name()}; }
    bool operator()(const Entry& a, const Entry& b) const { return less(key(a), key(b)); }
    bool operator()(const Entry& a, const NameKey& b) const { return less(key(a), b); }
    bool operator()(const NameKey& a, const Entry& b) const { return less(a, key(b)); }
};
struct ByOffset {
    bool operator()(const Entry& a, const Entry& b) const { return a.offset < b.offset; }
    bool operator()(const Entry& a, u64 b) const { return a.offset < b; }
    bool operator()(u64 a, const Entry& b) const { return a < b.offset; }
};

/// The entries of one directory. Its inode's mutex guards it.
class Directory {
public:
    static constexpr u64 kFirstOffset = 2;  // 0 and 1 are "." and ".."

    /// An entry in no directory; linked by insert(). ENOMEM.
    static Result<Entry*> make_entry(std::string_view name, Ref<Inode> inode);
    static void free_entry(Entry* entry);

    Entry* find(std::string_view name) const;
    /// The first entry at or behind `offset`, or null.
    Entry* at_or_behind(u64 offset) const { return by_offset_.lower_bound(offset); }
    void insert(Entry& entry);
    void erase(Entry& entry);
    Entry* pop();  // any, or null
    bool empty() const { return by_name_.empty(); }

private:
    RbTree<Entry, &Entry::by_name, ByName> by_name_;
    RbTree<Entry, &Entry::by_offset, ByOffset> by_offset_;
    u64 next_offset_ = kFirstOffset;
};

/// An inode with what only tmpfs knows of it.
struct TmpfsInode {
    Inode inode;
    Directory entries;       // of a directory
    char* target = nullptr;  // of a symbolic link, inode.size bytes
    u64 charged = 0;         // pages counted in TmpfsSuper::used_pages; guarded by its lock

    template <class... Args>
    explicit TmpfsInode(Args&&... args) : inode(std::forward<Args>(args)...) {}
};
inline TmpfsInode& tmpfs_inode(const Inode& inode) {
    return *static_cast<TmpfsInode*>(inode.private_data);
}

/// Where the counts of one mounted tmpfs are kept.
struct TmpfsSuper {
    std::atomic<u64> max_pages{0};   // 0: no limit
    std::atomic<u64> max_inodes{0};  // 0: no limit
    std::atomic<u64> inodes{0};
    SpinLock lock{"tmpfs", LockRank::SuperBlock};
    u64 used_pages GUARDED_BY(lock) = 0;
    u32 root_mode = 01777;
    u32 root_uid = 0, root_gid = 0;
    Ref<Inode> root;  // kept to the end: everything hangs on it

    u64 used();
    bool is_full() { return max_pages.load() != 0 && used() >= max_pages.load(); }
};
inline TmpfsSuper& tmpfs_super(const SuperBlock& super) {
    return *static_cast<TmpfsSuper*>(super.private_data);
}

/// A new inode of any kind but a symbolic link's text. ENOSPC if there are too many, ENOMEM.
Result<Ref<Inode>> new_inode(SuperBlock& super, const Inode* dir, const CreateMode& how);

/// Brings the page count of the file system up to date with that of the file.
void recharge(Inode& inode);

/// A file system of its own for `type`, with the options of mount(2). EINVAL for bad ones, ENOMEM.
Result<Ref<SuperBlock>> make_super(const FileSystemType& type, std::string_view options);

/// Reads "size=64m,mode=755,nr_inodes=10k,uid=0,gid=0" into `super`. EINVAL.
Result<void> parse_options(TmpfsSuper& super, std::string_view options);

extern const InodeOperations& directory_inode_ops;
extern const FileOperations& directory_file_ops;
extern const InodeOperations& file_inode_ops;
extern const FileOperations& regular_file_ops;
extern const InodeOperations& symlink_inode_ops;
extern const InodeOperations& special_inode_ops;
extern const vm::AddressSpaceOperations& cache_ops;

}  // namespace fs::tmpfs
