/// Dentry: a name in a directory, with the inode it leads to; or, negative, the knowledge that
/// there is no such name. Together they form the tree of names in memory. Linux: fs/dcache.c.
///
/// The cache is a hash table from (parent, name) to dentry. It holds one reference to each dentry
/// in it, so a count of 1 means "unused": such dentries wait on one of two lists (positive or
/// negative) for somebody to look them up again, or for memory to run short. A dentry also holds
/// its parent, so a directory with cached children is never unused, and every way up ends at a
/// root.
///
/// Invariants: 1. hashed_ <=> in its bucket, in its parent's children_, on a list of unused ones.
/// 2. at most one hashed dentry for a name in a directory. 3. a positive dentry stays positive
/// while somebody but the cache holds it; a negative one may turn positive at any time, unless the
/// directory's inode mutex is held.
///
/// Locks: one spin lock, rank Dentry, guards the structure and all names and parents; the mutex of
/// the directory's inode keeps the *names* in it as they are.
#pragma once

#include <span>
#include <string_view>

#include "fs/inode.h"
#include "lib/list.h"
#include "lib/ref.h"

namespace fs {

/// Text of names that do not fit into a dentry. Counted: after a rename two dentries have it.
struct ExternalName;

class Dentry {
public:
    static constexpr usize kMaxName = 255;

    /// The root of a file system's tree. ENOMEM.
    static Result<Ref<Dentry>> make_root(Ref<Inode> inode);

    /// The child `name` of `parent` if the cache knows it, else null.
    static Ref<Dentry> lookup_cached(Dentry& parent, std::string_view name);

    /// A new negative child. The walk does not find it before instantiate() or add_to_cache(): the
    /// file system is still being asked. The parent's inode mutex is held. ENOMEM, ENAMETOOLONG.
    static Result<Ref<Dentry>> create(Dentry& parent, std::string_view name);

    /// Makes a negative dentry positive, and shows it to others.
    void instantiate(Ref<Inode> inode);
    /// Shows a new dentry to others as it is: the name is known not to exist.
    void add_to_cache();
    /// After unlink or rmdir: makes it negative, or takes it out of the cache while others use it.
    void remove_name();
    /// After rename: takes this name and parent from `target`, which leaves the cache.
    void move_to(Dentry& target);
    /// After RENAME_EXCHANGE: both take the other's name and parent.
    void exchange_with(Dentry& other);
    /// Takes it out of the cache, with all below it that nobody uses: the next lookup asks the
    /// file system again. May sleep.
    void unhash();
    /// Frees all dentries below it that nobody uses. May sleep.
    void prune_children();

    Inode* inode() const { return inode_.get(); }
    bool is_negative() const { return !inode_; }
    /// Stable only while the directory's inode mutex is held.
    std::string_view name() const;
    /// The name, as much of it as there is room for; returns how much. Whatever renames go on.
    usize copy_name(std::span<char> room) const;
    Dentry* parent() const { return parent_.get(); }  // null for a root
    /// The parent with a reference, whatever renames go on; null for a root.
    Ref<Dentry> get_parent() const;
    bool is_unlinked() const { return !hashed_ && parent_; }
    /// Whether it is `other` or somewhere below it.
    bool is_below(const Dentry& other) const;

    /// In a file system that forgets (procfs): asked at each cached lookup; false drops the dentry.
    bool (*still_valid)(const Dentry& dentry) = nullptr;

    RefCount ref_count;
    std::atomic<u32> mount_count{0};  // mounts on it: the walk must look
    static void release(Dentry* dentry);

    explicit Dentry(Ref<Dentry> parent) : parent_(std::move(parent)) {}
    ~Dentry();

private:
    friend struct DcacheAccess;  // fs/dcache.cc
    static constexpr usize kInlineName = 40;

    Ref<Inode> inode_;
    Ref<Dentry> parent_;
    Dentry* hash_next_ = nullptr;  // in its bucket
    u64 hash_ = 0;                 // of the name and parent_
    ListLink sibling_link_;        // in parent_->children_
    ListLink lru_link_;            // on the list of positive or of negative dentries
    List<Dentry, &Dentry::sibling_link_> children_;
    Dentry* doomed_next_ = nullptr;  // out of the cache, about to be freed
    bool hashed_ = false;
    bool referenced_ = false;  // looked up since the shrinker passed by
    bool on_negative_list_ = false;
    u8 name_length_ = 0;
    char inline_name_[kInlineName];
    ExternalName* external_name_ = nullptr;  // instead of inline_name_
};

/// Dentries in the cache, and the negative ones among them.
struct DcacheStats {
    u64 total, negative;
};
DcacheStats dcache_stats();

/// Frees up to `wanted` unused dentries, those unused for longest first; returns how many.
u64 shrink_dcache(u64 wanted);

/// Boot: allocates the hash table. ENOMEM.
Result<void> init_dcache();

}  // namespace fs
