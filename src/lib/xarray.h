/// XArray: an array of 2^64 pointers of which few are set, e.g. the pages of a file by index.
///
/// A radix tree: each node has 64 slots and consumes 6 bits of the index. It is as high as the
/// largest index needs, so small files have one level and a lookup takes at most 11 steps. Linux:
/// lib/xarray.c.
///
/// lib/ cannot allocate: whoever changes an array passes in where nodes come from. Looking up
/// needs no source. The caller locks.
///
/// Invariants: 1. a node below the root has at least one entry, and knows its parent and its
/// place there. 2. the root is null or has an entry elsewhere than in slot 0, unless it is a
/// leaf: no level is wasted. So an empty array holds no memory.
#pragma once

#include "lib/result.h"
#include "lib/types.h"

/// One node. Opaque to callers except for its size.
struct XaNode {
    static constexpr unsigned kBits = 6;
    static constexpr unsigned kSlots = 1u << kBits;

    XaNode* parent = nullptr;  // null: the root
    u8 shift = 0;              // this many index bits are resolved below this node; 0: a leaf
    u8 offset = 0;             // of this node in the parent's slots
    u8 count = 0;              // of slots that are not null
    void* slots[kSlots] = {};  // of a leaf: entries; else XaNode*
};

/// Where nodes come from and go to. alloc returns sizeof(XaNode) bytes (contents do not matter),
/// or null, which makes the operation fail with ENOMEM. One source per array for all its life.
struct XaNodeSource {
    void* (*alloc)(void* context);
    void (*free)(void* node, void* context);
    void* context = nullptr;
};

class XArray {
public:
    constexpr XArray() = default;
    XArray(const XArray&) = delete;
    XArray& operator=(const XArray&) = delete;

    bool empty() const { return root_ == nullptr; }

    /// The entry at `index`, or null.
    void* load(u64 index) const;

    /// Sets the entry at `index`, whatever was there; `entry` is not null. ENOMEM, and then
    /// nothing has changed.
    Result<void> store(u64 index, void* entry, const XaNodeSource& source);

    /// The same, but EEXIST if there is an entry.
    Result<void> insert(u64 index, void* entry, const XaNodeSource& source);

    /// Removes the entry at `index`, and returns it; null if there was none. Cannot fail.
    void* erase(u64 index, const XaNodeSource& source);

    /// The first entry at or behind `index`; moves `index` to it. Null if there is none, and then
    /// `index` stays. To visit all entries:
    ///
    ///     u64 at = 0;
    ///     for (void* entry = array.find(at); entry; entry = array.find_after(at)) ...
    ///
    /// The loop may erase or store any entry.
    void* find(u64& index) const;
    void* find_after(u64& index) const { return index == ~u64{0} ? nullptr : find(++index); }

    /// Forgets all entries and gives the nodes back.
    void clear(const XaNodeSource& source);

private:
    bool covers(u64 index) const;
    XaNode* leaf(u64 index) const;
    Result<XaNode*> make_leaf(u64 index, const XaNodeSource& source);
    Result<void> grow(u64 index, const XaNodeSource& source);
    void tidy(XaNode* node, const XaNodeSource& source);

    XaNode* root_ = nullptr;
};
