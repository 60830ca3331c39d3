/// Dentry: a name in a directory, with the inode it leads to; or, negative, the knowledge that
/// there is no such name. Together they form the tree of names in memory. Linux: fs/dcache.c.
#pragma once

#include "fs/inode.h"
#include "lib/list.h"
#include "lib/ref.h"

namespace fs {

class Dentry {
public:
    static constexpr usize kMaxName = 255;

    /// The root of a file system's tree. ENOMEM.
    static Result<Ref<Dentry>> make_root(Ref<Inode> inode);

    /// The child `name` of `parent` if the cache knows it, else null.
    static Ref<Dentry> lookup_cached(Dentry& parent, std::string_view name);

    /// A new negative child, in the cache. The parent's inode mutex is held. ENOMEM, ENAMETOOLONG.
    static Result<Ref<Dentry>> create(Dentry& parent, std::string_view name);

    /// Makes a negative dentry positive.
    void instantiate(Ref<Inode> inode);
    /// After unlink or rmdir: makes it negative, or takes it out of the cache while others use it.
    void remove_name();
    /// After rename: takes this name and parent from `target`, which leaves the cache.
    void move_to(Dentry& target);
    /// Takes it out of the cache: the next lookup asks the file system again.
    void unhash();

    Inode* inode() const { return inode_.get(); }
    bool is_negative() const { return !inode_; }
    std::string_view name() const;
    Dentry* parent() const { return parent_.get(); }  // null for a root
    bool is_unlinked() const { return !hashed_ && parent_; }

    /// In a file system that forgets (procfs): asked at each cached lookup; false drops the dentry.
    bool (*still_valid)(const Dentry& dentry) = nullptr;

    RefCount ref_count;
    std::atomic<u32> mount_count{0};  // mounts on it: the walk must look
    static void release(Dentry* dentry);

private:
    friend struct DcacheAccess;  // fs/dcache.cc
    Ref<Inode> inode_;
    Ref<Dentry> parent_;
    ListLink hash_link_;     // in its hash bucket
    ListLink sibling_link_;  // in parent_->children_
    ListLink lru_link_;
    List<Dentry, &Dentry::sibling_link_> children_;
    bool hashed_ = false;
    u16 name_length_ = 0;
    char inline_name_[40];
    char* long_name_ = nullptr;
    u64 hash_ = 0;
};

}  // namespace fs
