// The dentry cache: see dentry.h for the idea and the invariants.
//
// One lock for everything. A lookup holds it for one hash chain, so it is short; what may take
// long (a subtree, a list of unused dentries) is worked off in batches. Nothing is freed under it:
// dropping an inode may sleep, so dentries that lost their last user go to a DoomedList first.
//
// Freeing never recurses: a dentry's last user may be its last child, whose last user was its last
// child, and so on as deep as a user likes to nest directories. DoomedList turns that into a loop.
#include <bit>

#include "core/lock/spin_lock.h"
#include "fs/dentry.h"
#include "fs/dentry_path.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/own.h"
#include "mm/vmalloc.h"

namespace fs {

struct ExternalName {
    RefCount ref_count;
    char text[];
};

namespace {

constinit mm::KmemCache dentry_cache("dentry", sizeof(Dentry), alignof(Dentry),
                                     mm::SlabFlags::ReclaimAccount | mm::SlabFlags::NoMerge);
constinit SpinLock dcache_lock{"dcache", LockRank::Dentry};

/// One at a time frees unused dentries, so that a file system's end can wait for it.
constinit sched::Mutex shrink_mutex("dcache_shrink");

constexpr usize kBatch = 256;           // dentries looked at under one hold of the lock
constexpr u64 kDentriesPerPage = 16;    // about
constexpr u64 kPagesPerNegative = 8;    // negative dentries may be an eighth of the page count
constexpr usize kNegativeSurplus = 32;  // freed at once when there are too many

constinit u64 max_negative = 1024;

void put_name(ExternalName* name) {
    if (name && name->ref_count.dec_and_test()) mm::kfree(name);
}

}  // namespace

/// Dentries out of the cache and without users; freed, with whatever loses its last user by that,
/// at the end of the scope. Fill it under the lock, let it go without.
class DoomedList {
public:
    DoomedList() = default;
    DoomedList(const DoomedList&) = delete;
    ~DoomedList();
    void push(Dentry& dentry);

private:
    Dentry* first_ = nullptr;
};

/// The inside of the cache. All functions named _locked want dcache_lock.
struct DcacheAccess {
    using UnusedList = List<Dentry, &Dentry::lru_link_>;
    static constinit UnusedList positive GUARDED_BY(dcache_lock);
    static constinit UnusedList negative GUARDED_BY(dcache_lock);
    static constinit DcacheStats stats GUARDED_BY(dcache_lock);
    static constinit Dentry** buckets;  // set once at boot
    static constinit u64 bucket_mask;

    /// Names like "stat" are in many directories: the parent spreads them.
    static u64 hash_of(const Dentry& parent, std::string_view name) {
        return hash_string(name, reinterpret_cast<u64>(&parent));
    }
    static Dentry*& bucket_of(u64 hash) { return buckets[hash & bucket_mask]; }

    static Result<void> set_name(Dentry& dentry, std::string_view name);
    static Dentry* find_locked(Dentry& parent, std::string_view name, u64 hash)
        REQUIRES(dcache_lock);
    static void join_tree_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void leave_tree_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void join_list_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void leave_list_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void hash_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void unhash_locked(Dentry& dentry) REQUIRES(dcache_lock);
    static void detach_locked(Dentry& dentry, DoomedList& doomed) REQUIRES(dcache_lock);
    static Dentry& first_leaf(Dentry& dentry) REQUIRES(dcache_lock);
    static usize prune_batch_locked(Dentry& root, DoomedList& doomed) REQUIRES(dcache_lock);
    enum class Sign : u8 { Positive, Negative };
    static usize shrink_batch_locked(Sign which, u64 wanted, DoomedList& doomed)
        REQUIRES(dcache_lock);
    static u64 shrink(Sign which, u64 wanted) REQUIRES(shrink_mutex);
    static void free(Dentry& dentry) {
        dentry.~Dentry();
        dentry_cache.free(&dentry);
    }
    static Dentry*& doomed_next(Dentry& dentry) { return dentry.doomed_next_; }
    static Dentry* take_parent(Dentry& dentry) { return dentry.parent_.leak(); }
    static void swap_names(Dentry& a, Dentry& b);
    static void share_name(Dentry& to, const Dentry& from);
    static ExternalName*& external_name(Dentry& dentry) { return dentry.external_name_; }
    static bool prepend_names_locked(const Dentry& from, const Dentry* stop, PathBuffer& out)
        REQUIRES(dcache_lock);
};

constinit DcacheAccess::UnusedList DcacheAccess::positive;
constinit DcacheAccess::UnusedList DcacheAccess::negative;
constinit DcacheStats DcacheAccess::stats{};
constinit Dentry** DcacheAccess::buckets = nullptr;
constinit u64 DcacheAccess::bucket_mask = 0;

// --- freeing ----------------------------------------------------------------------------------

void DoomedList::push(Dentry& dentry) {
    DcacheAccess::doomed_next(dentry) = first_;
    first_ = &dentry;
}

DoomedList::~DoomedList() {
    while (Dentry* dentry = first_) {
        first_ = DcacheAccess::doomed_next(*dentry);
        Dentry* parent = DcacheAccess::take_parent(*dentry);
        DcacheAccess::free(*dentry);
        if (parent && parent->ref_count.dec_and_test()) push(*parent);
    }
}

Dentry::~Dentry() {
    ASSERT(!hashed_ && children_.empty());
    put_name(external_name_);
}

void Dentry::release(Dentry* dentry) {
    DoomedList doomed;
    doomed.push(*dentry);
}

// --- names ------------------------------------------------------------------------------------

Result<void> DcacheAccess::set_name(Dentry& dentry, std::string_view name) {
    char* text = dentry.inline_name_;
    if (name.size() > Dentry::kInlineName) {
        void* memory = TRY(mm::kmalloc(sizeof(ExternalName) + name.size(), mm::Gfp::Kernel));
        dentry.external_name_ = new (memory) ExternalName;
        text = dentry.external_name_->text;
    }
    memcpy(text, name.data(), name.size());
    dentry.name_length_ = static_cast<u8>(name.size());
    dentry.hash_ = hash_of(*dentry.parent_, name);
    return {};
}

/// `to` has no external name.
void DcacheAccess::share_name(Dentry& to, const Dentry& from) {
    to.external_name_ = from.external_name_;
    if (to.external_name_) to.external_name_->ref_count.inc();
    memcpy(to.inline_name_, from.inline_name_, Dentry::kInlineName);
    to.name_length_ = from.name_length_;
    to.hash_ = from.hash_;
}

void DcacheAccess::swap_names(Dentry& a, Dentry& b) {
    std::swap(a.external_name_, b.external_name_);
    std::swap(a.name_length_, b.name_length_);
    std::swap(a.hash_, b.hash_);
    std::swap(a.inline_name_, b.inline_name_);
}

std::string_view Dentry::name() const {
    return {external_name_ ? external_name_->text : inline_name_, name_length_};
}

// --- the structure ----------------------------------------------------------------------------

Dentry* DcacheAccess::find_locked(Dentry& parent, std::string_view name, u64 hash) {
    for (Dentry* at = bucket_of(hash); at; at = at->hash_next_) {
        if (at->hash_ == hash && at->parent_ == &parent && at->name() == name) return at;
    }
    return nullptr;
}

void DcacheAccess::join_tree_locked(Dentry& dentry) {
    Dentry*& bucket = bucket_of(dentry.hash_);
    dentry.hash_next_ = bucket;
    bucket = &dentry;
    dentry.parent_->children_.push_back(dentry);
}

void DcacheAccess::leave_tree_locked(Dentry& dentry) {
    Dentry** link = &bucket_of(dentry.hash_);
    while (*link != &dentry) link = &(*link)->hash_next_;
    *link = dentry.hash_next_;
    dentry.hash_next_ = nullptr;
    dentry.sibling_link_.unlink();
}

void DcacheAccess::join_list_locked(Dentry& dentry) {
    dentry.on_negative_list_ = dentry.is_negative();
    (dentry.on_negative_list_ ? negative : positive).push_back(dentry);
    stats.total++;
    stats.negative += dentry.on_negative_list_;
}

void DcacheAccess::leave_list_locked(Dentry& dentry) {
    dentry.lru_link_.unlink();
    stats.total--;
    stats.negative -= dentry.on_negative_list_;
}

/// The cache takes its reference.
void DcacheAccess::hash_locked(Dentry& dentry) {
    dentry.ref_count.inc();
    dentry.hashed_ = true;
    join_tree_locked(dentry);
    join_list_locked(dentry);
}

/// The cache's reference becomes the caller's to drop.
void DcacheAccess::unhash_locked(Dentry& dentry) {
    leave_tree_locked(dentry);
    leave_list_locked(dentry);
    dentry.hashed_ = false;
}

/// Takes an unused dentry out of the cache. The reference to its parent goes at once, so that the
/// walk which called us sees that the parent is unused now.
void DcacheAccess::detach_locked(Dentry& dentry, DoomedList& doomed) {
    unhash_locked(dentry);
    const bool was_last = dentry.ref_count.dec_and_test();
    ASSERT(was_last);
    doomed.push(dentry);
    Dentry* parent = dentry.parent_.leak();
    if (parent->ref_count.dec_and_test()) doomed.push(*parent);
}

Ref<Dentry> Dentry::lookup_cached(Dentry& parent, std::string_view name) {
    const u64 hash = DcacheAccess::hash_of(parent, name);
    Ref<Dentry> found;
    {
        IrqGuard guard(dcache_lock);
        found = Ref<Dentry>::share(DcacheAccess::find_locked(parent, name, hash));
        if (found) found->referenced_ = true;
    }
    if (!found || !found->still_valid || found->mount_count || found->still_valid(*found)) {
        return found;
    }
    found->unhash();
    return nullptr;
}

Result<Ref<Dentry>> Dentry::make_root(Ref<Inode> inode) {
    void* memory = TRY(dentry_cache.alloc(mm::Gfp::Kernel));
    auto* root = new (memory) Dentry(nullptr);
    root->inode_ = std::move(inode);
    return Ref<Dentry>::adopt(root);
}

Result<Ref<Dentry>> Dentry::create(Dentry& parent, std::string_view name) {
    if (name.size() > kMaxName) return ENAMETOOLONG;
    void* memory = TRY(dentry_cache.alloc(mm::Gfp::Kernel));
    auto child = Ref<Dentry>::adopt(new (memory) Dentry(Ref<Dentry>::share(&parent)));
    TRY(DcacheAccess::set_name(*child, name));
    return child;
}

void Dentry::instantiate(Ref<Inode> inode) {
    IrqGuard guard(dcache_lock);
    ASSERT(!inode_ && inode);
    if (hashed_) DcacheAccess::leave_list_locked(*this);
    inode_ = std::move(inode);
    if (hashed_) return DcacheAccess::join_list_locked(*this);
    DcacheAccess::hash_locked(*this);
}

void Dentry::add_to_cache() {
    u64 surplus = 0;
    {
        IrqGuard guard(dcache_lock);
        if (!hashed_) DcacheAccess::hash_locked(*this);
        if (DcacheAccess::stats.negative > max_negative) surplus = kNegativeSurplus;
    }
    // Asking for names that do not exist costs a user nothing, so it may not cost us all memory.
    if (surplus > 0 && shrink_mutex.try_lock()) {
        DcacheAccess::shrink(DcacheAccess::Sign::Negative, surplus);
        shrink_mutex.unlock();
    }
}

void Dentry::remove_name() {
    prune_children();
    Ref<Inode> inode;   // these two are dropped
    Ref<Dentry> cache;  // after the lock
    IrqGuard guard(dcache_lock);
    if (!hashed_) return;
    if (ref_count.value() > 2) {  // somebody beside the cache and our caller
        DcacheAccess::unhash_locked(*this);
        cache = Ref<Dentry>::adopt(this);
        return;
    }
    DcacheAccess::leave_list_locked(*this);
    inode = std::move(inode_);
    DcacheAccess::join_list_locked(*this);
}

void Dentry::unhash() {
    prune_children();
    Ref<Dentry> cache;
    IrqGuard guard(dcache_lock);
    if (!hashed_) return;
    DcacheAccess::unhash_locked(*this);
    cache = Ref<Dentry>::adopt(this);
}

void Dentry::move_to(Dentry& target) {
    ExternalName* old_name = nullptr;
    {
        Ref<Dentry> old_parent, cache;
        IrqGuard guard(dcache_lock);
        if (target.hashed_) {
            DcacheAccess::unhash_locked(target);
            cache = Ref<Dentry>::adopt(&target);
        }
        if (hashed_) DcacheAccess::leave_tree_locked(*this);
        old_parent = std::move(parent_);
        parent_ = target.parent_;
        old_name = std::exchange(external_name_, nullptr);
        DcacheAccess::share_name(*this, target);
        if (hashed_) DcacheAccess::join_tree_locked(*this);
    }
    put_name(old_name);
}

void Dentry::exchange_with(Dentry& other) {
    IrqGuard guard(dcache_lock);
    if (hashed_) DcacheAccess::leave_tree_locked(*this);
    if (other.hashed_) DcacheAccess::leave_tree_locked(other);
    std::swap(parent_, other.parent_);
    DcacheAccess::swap_names(*this, other);
    if (hashed_) DcacheAccess::join_tree_locked(*this);
    if (other.hashed_) DcacheAccess::join_tree_locked(other);
}

// --- the way up -------------------------------------------------------------------------------

Ref<Dentry> Dentry::get_parent() const {
    IrqGuard guard(dcache_lock);
    return parent_;
}

usize Dentry::copy_name(std::span<char> room) const {
    IrqGuard guard(dcache_lock);
    const std::string_view from = name();
    return from.copy(room.data(), room.size());
}

bool Dentry::is_below(const Dentry& other) const {
    IrqGuard guard(dcache_lock);
    const Dentry* at = this;
    while (at && at != &other) at = at->parent_.get();
    return at != nullptr;
}

bool DcacheAccess::prepend_names_locked(const Dentry& from, const Dentry* stop, PathBuffer& out) {
    for (const Dentry* at = &from; at != stop && at->parent_; at = at->parent_.get()) {
        if (!out.prepend(at->name()) || !out.prepend("/")) return false;
    }
    return true;
}

bool prepend_names(const Dentry& from, const Dentry* stop, PathBuffer& out) {
    IrqGuard guard(dcache_lock);
    return DcacheAccess::prepend_names_locked(from, stop, out);
}

// --- giving memory back -----------------------------------------------------------------------

Dentry& DcacheAccess::first_leaf(Dentry& dentry) {
    Dentry* at = &dentry;
    while (Dentry* child = at->children_.front()) at = child;
    return *at;
}

/// Walks the tree below `root`, children before their parents, and detaches what is unused.
usize DcacheAccess::prune_batch_locked(Dentry& root, DoomedList& doomed) {
    usize freed = 0;
    for (Dentry* at = &first_leaf(root); at != &root && freed < kBatch;) {
        Dentry* parent = at->parent_.get();
        Dentry* sibling = parent->children_.next(*at);
        if (at->ref_count.value() == 1) {
            detach_locked(*at, doomed);
            freed++;
        }
        at = sibling ? &first_leaf(*sibling) : parent;
    }
    return freed;
}

void Dentry::prune_children() {
    usize freed = 0;
    do {
        DoomedList doomed;
        IrqGuard guard(dcache_lock);
        freed = DcacheAccess::prune_batch_locked(*this, doomed);
    } while (freed == kBatch);
}

/// Second chance: who was looked up since the last visit goes to the end once more.
usize DcacheAccess::shrink_batch_locked(Sign which, u64 wanted, DoomedList& doomed) {
    UnusedList& list = which == Sign::Negative ? negative : positive;
    usize freed = 0;
    for (usize seen = 0; seen < kBatch && freed < wanted; seen++) {
        Dentry* dentry = list.pop_front();
        if (!dentry) break;
        list.push_back(*dentry);
        if (std::exchange(dentry->referenced_, false) || dentry->ref_count.value() > 1) continue;
        detach_locked(*dentry, doomed);
        freed++;
    }
    return freed;
}

/// Looks at each dentry of the list at most about twice.
u64 DcacheAccess::shrink(Sign which, u64 wanted) {
    u64 freed = 0;
    u64 rounds = 2 * (dcache_stats().total / kBatch + 1);
    while (freed < wanted && rounds-- > 0) {
        DoomedList doomed;
        IrqGuard guard(dcache_lock);
        freed += shrink_batch_locked(which, wanted - freed, doomed);
    }
    return freed;
}

u64 shrink_dcache(u64 wanted) {
    if (!shrink_mutex.try_lock()) return 0;
    u64 freed = DcacheAccess::shrink(DcacheAccess::Sign::Negative, wanted);
    freed += DcacheAccess::shrink(DcacheAccess::Sign::Positive, wanted - freed);
    shrink_mutex.unlock();
    return freed;
}

void wait_for_dcache_shrinker() { sched::MutexGuard guard(shrink_mutex); }

DcacheStats dcache_stats() {
    IrqGuard guard(dcache_lock);
    return DcacheAccess::stats;
}

Result<void> init_dcache() {
    static constinit mm::Shrinker shrinker{
        "dcache",
        [](u64 wanted) { return shrink_dcache(wanted * kDentriesPerPage) / kDentriesPerPage; }};
    const u64 buckets = std::bit_ceil(mm::total_pages() / 4 + 256);
    void* table = TRY(mm::vmalloc(buckets * sizeof(Dentry*)));
    DcacheAccess::buckets = static_cast<Dentry**>(table);
    DcacheAccess::bucket_mask = buckets - 1;
    max_negative = mm::total_pages() / kPagesPerNegative + 1024;
    mm::register_shrinker(shrinker);
    return {};
}

}  // namespace fs
