/// RbTree<T, &T::node, Less>: a sorted set whose nodes live inside the elements.
///
/// A red-black tree is a binary search tree that stays flat: insertion, removal and search look
/// at O(log n) elements, and the first one is cached. Nothing is allocated. rbtree.cc has the
/// algorithms, once for all types; this header adds the order.
///
/// Invariants (CLRS, ch. 13):
///   1. in order, no element is Less than the one before it (equal ones stand in the order of
///      their insertion);
///   2. a red node has no red child;
///   3. every way from the root to a missing child passes the same number of black nodes.
/// From 2 and 3: no way is more than twice as long as another.
///
/// Discipline: what Less looks at must not change while an element is in a tree. An element
/// leaves before it dies: the node's destructor asserts it. Locking is the caller's.
#pragma once

#include <bit>
#include <type_traits>

#include "lib/assert.h"
#include "lib/types.h"

/// A place in a tree. For objects that never die (a constinit global must not have a
/// destructor); all others use RbNode.
struct StaticRbNode {
    enum class Color : u8 { Unlinked, Red, Black };
    enum Side : u8 { Left, Right };

    constexpr StaticRbNode() = default;
    StaticRbNode(const StaticRbNode&) = delete;
    StaticRbNode& operator=(const StaticRbNode&) = delete;

    bool is_linked() const { return color != Color::Unlinked; }

    StaticRbNode* parent = nullptr;  // null: the root
    StaticRbNode* child[2] = {};     // by Side
    Color color = Color::Unlinked;
};

/// A place in a tree for elements that come and go: being linked at destruction is a bug.
struct RbNode : StaticRbNode {
    ~RbNode() { ASSERT(!is_linked()); }
};

/// The tree without its order: what the algorithms of rbtree.cc work on.
struct RbRoot {
    StaticRbNode* root = nullptr;
    StaticRbNode* first = nullptr;  // the leftmost node; null if there is none
    /// If each node keeps a summary of the subtree below it (interval_tree.h): computes that of a
    /// node from its own element and its children's summaries.
    void (*summarize)(StaticRbNode& node) = nullptr;

    /// Makes `node` the child of `parent` on `side` (where nothing is yet; a null `parent` means
    /// the root of an empty tree) and restores the invariants.
    void insert(StaticRbNode& node, StaticRbNode* parent, StaticRbNode::Side side);

    /// Takes `node` out of this tree and restores the invariants.
    void erase(StaticRbNode& node);

    /// The element of `node` has changed: brings the summaries from it up to the root up to date.
    void update(StaticRbNode* node) {
        for (; node; node = node->parent) summarize(*node);
    }

private:
    void rotate(StaticRbNode& top, StaticRbNode::Side side);
    void replace(StaticRbNode& old, StaticRbNode* by);
    void fix_two_reds(StaticRbNode* node);
    void fix_missing_black(StaticRbNode* node, StaticRbNode* parent);
    StaticRbNode* resolve_missing_black(StaticRbNode& parent, StaticRbNode::Side side);
};

/// The neighbour of `node` on `side` in sorted order, or null. On average constant time.
StaticRbNode* rb_neighbour(const StaticRbNode& node, StaticRbNode::Side side);

/// Checks invariants 2 and 3, the parent links and the cached first node; false if one is broken.
/// For tests and debug builds: looks at every node.
bool rb_is_sound(const RbRoot& tree);

/// The set of those T that are linked by `Link`, a pointer to a member. `Less` is a stateless
/// function object, `bool operator()(const T&, const T&)`; to look elements up by a key, it is
/// also callable with a key in either place.
template <class T, auto Link, class Less>
class RbTree {
    using Node = StaticRbNode;

public:
    constexpr RbTree() = default;
    RbTree(const RbTree&) = delete;
    RbTree& operator=(const RbTree&) = delete;

    bool empty() const { return tree_.root == nullptr; }

    /// The smallest (constant time) or largest element, or null.
    T* first() const { return element(tree_.first); }
    T* last() const {
        Node* at = tree_.root;
        while (at && at->child[Node::Right]) at = at->child[Node::Right];
        return element(at);
    }

    /// The neighbours of `item`, which is in this tree; null at the end.
    T* next(const T& item) const { return element(rb_neighbour(node(item), Node::Right)); }
    T* prev(const T& item) const { return element(rb_neighbour(node(item), Node::Left)); }

    /// Adds `item`, which must be in no tree through this node, behind those that equal it.
    void insert(T& item) {
        Node *parent = nullptr, *at = tree_.root;
        Node::Side side = Node::Left;
        while (at) {
            parent = at;
            side = Less()(item, owner(at)) ? Node::Left : Node::Right;
            at = at->child[side];
        }
        tree_.insert(node(item), parent, side);
    }

    /// Takes `item` out; it must be in this tree.
    void erase(T& item) { tree_.erase(node(item)); }

    /// Takes the smallest element out; null if there is none.
    T* pop_first() {
        T* item = first();
        if (item) erase(*item);
        return item;
    }

    /// The first element for which `wanted` holds, or null. `wanted` must divide the tree: where
    /// it holds for an element, it holds for all that follow.
    template <class Predicate>
    T* first_where(Predicate wanted) const {
        Node* best = nullptr;
        for (Node* at = tree_.root; at;) {
            if (wanted(static_cast<const T&>(owner(at)))) {
                best = at;
                at = at->child[Node::Left];
            } else {
                at = at->child[Node::Right];
            }
        }
        return element(best);
    }

    /// The first element that is not less than `key`, or that is greater; null if there is none.
    template <class Key>
    T* lower_bound(const Key& key) const {
        return first_where([&](const T& item) { return !Less()(item, key); });
    }
    template <class Key>
    T* upper_bound(const Key& key) const {
        return first_where([&](const T& item) { return Less()(key, item); });
    }

    /// The first element that equals `key`, or null.
    template <class Key>
    T* find(const Key& key) const {
        T* item = lower_bound(key);
        return item && !Less()(key, *item) ? item : nullptr;
    }

    /// Whether `item` is in any tree through this node.
    static bool is_linked(const T& item) { return node(item).is_linked(); }

    /// for (T& item : tree), in order. The loop may not erase `item`, unless it leaves at once.
    class Iterator {
    public:
        explicit Iterator(Node* at) : at_(at) {}
        T& operator*() const { return owner(at_); }
        Iterator& operator++() {
            at_ = rb_neighbour(*at_, Node::Right);
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        Node* at_;
    };
    Iterator begin() const { return Iterator(tree_.first); }
    Iterator end() const { return Iterator(nullptr); }

    /// The element that a node of this kind belongs to; null for null.
    static T* element(const Node* at) { return at ? &owner(at) : nullptr; }

    /// Whether the tree is in order and rb_is_sound(); looks at every element.
    bool is_sound() const {
        const T* before = nullptr;
        for (const T& item : *this) {
            if (before && Less()(item, *before)) return false;
            before = &item;
        }
        return rb_is_sound(tree_);
    }

private:
    using LinkType = std::remove_reference_t<decltype(static_cast<T*>(nullptr)->*Link)>;

    static Node& node(T& item) { return item.*Link; }
    static const Node& node(const T& item) { return item.*Link; }

    /// The element whose node is at `at`: see List::owner().
    static T& owner(const Node* at) {
        const LinkType T::*const link = Link;
        const auto* const bytes = reinterpret_cast<const char*>(static_cast<const LinkType*>(at));
        return *reinterpret_cast<T*>(const_cast<char*>(bytes - std::bit_cast<isize>(link)));
    }
    RbRoot tree_;
};
