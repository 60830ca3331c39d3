/// A sparse array as a radix tree.
#include "lib/xarray.h"

#include <new>

namespace {

constexpr u64 kSlotMask = XaNode::kSlots - 1;

u8 slot_of(const XaNode& node, u64 index) {
    return static_cast<u8>((index >> node.shift) & kSlotMask);
}

XaNode* child_of(const XaNode& node, unsigned slot) {
    return static_cast<XaNode*>(node.slots[slot]);
}

/// A new node without entries and without parent, or null.
XaNode* new_node(unsigned shift, const XaNodeSource& source) {
    void* const memory = source.alloc(source.context);
    if (!memory) return nullptr;
    return new (memory) XaNode{.parent = nullptr, .shift = static_cast<u8>(shift)};
}

/// Fills the empty slot of `node` that leads to `index`.
void link_child(XaNode& node, u64 index, XaNode& child) {
    const u8 slot = slot_of(node, index);
    node.slots[slot] = &child;
    node.count++;
    child.parent = &node;
    child.offset = slot;
}

/// The first entry below `node` at or behind `index`, which lies within the node. Else null, and
/// `index` is moved behind the node. Recursion is as deep as the tree: at most 11.
void* find_below(const XaNode& node, u64& index) {
    const u64 within_slot = (u64{1} << node.shift) - 1;
    for (unsigned slot = slot_of(node, index); slot < XaNode::kSlots; slot++) {
        void* const entry = node.slots[slot];
        if (!entry) {
            index = (index | within_slot) + 1;
        } else if (node.shift == 0) {
            return entry;
        } else if (void* const found = find_below(*child_of(node, slot), index)) {
            return found;
        }
    }
    return nullptr;
}

void free_below(XaNode& node, const XaNodeSource& source) {
    for (unsigned slot = 0; node.shift > 0 && slot < XaNode::kSlots; slot++) {
        if (node.slots[slot]) free_below(*child_of(node, slot), source);
    }
    source.free(&node, source.context);
}

}  // namespace

/// Whether the tree is high enough to have a place for `index`.
bool XArray::covers(u64 index) const {
    const unsigned bits = root_->shift + XaNode::kBits;
    return bits >= 64 || index >> bits == 0;
}

/// The leaf that has the slot for `index`, or null if there is none.
XaNode* XArray::leaf(u64 index) const {
    if (!root_ || !covers(index)) return nullptr;
    XaNode* node = root_;
    while (node && node->shift > 0) node = child_of(*node, slot_of(*node, index));
    return node;
}

void* XArray::load(u64 index) const {
    const XaNode* const node = leaf(index);
    return node ? node->slots[slot_of(*node, index)] : nullptr;
}

void* XArray::find(u64& index) const {
    if (!root_ || !covers(index)) return nullptr;
    u64 at = index;
    void* const entry = find_below(*root_, at);
    if (entry) index = at;
    return entry;
}

/// Makes the tree high enough for `index`. ENOMEM: it may be too high now.
Result<void> XArray::grow(u64 index, const XaNodeSource& source) {
    if (!root_) {
        unsigned shift = 0;
        while (shift + XaNode::kBits < 64 && index >> (shift + XaNode::kBits) != 0) {
            shift += XaNode::kBits;
        }
        root_ = new_node(shift, source);
        if (!root_) return ENOMEM;
    }
    while (!covers(index)) {
        XaNode* const above = new_node(root_->shift + XaNode::kBits, source);
        if (!above) return ENOMEM;
        link_child(*above, 0, *root_);  // all indices so far are small
        root_ = above;
    }
    return {};
}

/// The leaf for `index`, created with all nodes on the way if necessary. ENOMEM: the array is as
/// it was.
Result<XaNode*> XArray::make_leaf(u64 index, const XaNodeSource& source) {
    if (Result<void> grown = grow(index, source); !grown.ok()) {
        tidy(root_, source);
        return grown.error();
    }
    XaNode* node = root_;
    while (node->shift > 0) {
        XaNode* next = child_of(*node, slot_of(*node, index));
        if (!next) {
            next = new_node(node->shift - XaNode::kBits, source);
            if (!next) {
                tidy(node, source);
                return ENOMEM;
            }
            link_child(*node, index, *next);
        }
        node = next;
    }
    return node;
}

Result<void> XArray::store(u64 index, void* entry, const XaNodeSource& source) {
    ASSERT(entry);
    XaNode* const node = TRY(make_leaf(index, source));
    void*& slot = node->slots[slot_of(*node, index)];
    if (!slot) node->count++;
    slot = entry;
    return {};
}

Result<void> XArray::insert(u64 index, void* entry, const XaNodeSource& source) {
    if (load(index)) return EEXIST;
    return store(index, entry, source);
}

void* XArray::erase(u64 index, const XaNodeSource& source) {
    XaNode* const node = leaf(index);
    if (!node) return nullptr;
    void*& slot = node->slots[slot_of(*node, index)];
    void* const entry = slot;
    if (!entry) return nullptr;
    slot = nullptr;
    node->count--;
    tidy(node, source);
    return entry;
}

/// Restores the invariants: frees `node` (null is allowed) and what is above it as long as it has
/// no entry, then takes levels off the top that have nothing but slot 0.
void XArray::tidy(XaNode* node, const XaNodeSource& source) {
    while (node && node->count == 0) {
        XaNode* const parent = node->parent;
        if (parent) {
            parent->slots[node->offset] = nullptr;
            parent->count--;
        } else {
            root_ = nullptr;
        }
        source.free(node, source.context);
        node = parent;
    }
    while (root_ && root_->shift > 0 && root_->count == 1 && root_->slots[0]) {
        XaNode* const below = child_of(*root_, 0);
        source.free(root_, source.context);
        root_ = below;
        root_->parent = nullptr;
    }
}

void XArray::clear(const XaNodeSource& source) {
    if (root_) free_below(*root_, source);
    root_ = nullptr;
}
