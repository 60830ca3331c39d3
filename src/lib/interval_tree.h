/// IntervalTree<T, &T::node, Ends>: a set of intervals of numbers that finds those which touch a
/// given interval, in time O(log n) for each that it finds.
///
/// A red-black tree by the first number; each node also knows the largest last number below it, so
/// a search passes over subtrees that end too early. `Ends` says where an element's numbers are:
///
///     static u64 first(const T&); static u64 last(const T&); static u64& reach(T&);
///
/// Discipline: first() must not change while an element is in the tree; last() may if
/// last_changed() is called. Locking is the caller's. Linux: include/linux/interval_tree_generic.h.
#pragma once

#include "lib/rbtree.h"

template <class T, auto Link, class Ends>
class IntervalTree {
    using Node = StaticRbNode;

public:
    constexpr IntervalTree() = default;
    IntervalTree(const IntervalTree&) = delete;

    bool empty() const { return tree_.root == nullptr; }

    void insert(T& item) {
        tree_.summarize = summarize;  // here, where Ends is known: a tree may be a member before
        Node *parent = nullptr, *at = tree_.root;
        Node::Side side = Node::Left;
        while (at) {
            parent = at;
            side = Ends::first(item) < Ends::first(owner(at)) ? Node::Left : Node::Right;
            at = at->child[side];
        }
        tree_.insert(item.*Link, parent, side);
    }
    void erase(T& item) { tree_.erase(item.*Link); }
    void last_changed(T& item) { tree_.update(&(item.*Link)); }

    /// The first element with a number in [first, last], by order of first(); null: none.
    T* first_touching(u64 first, u64 last) const {
        if (!tree_.root || reach_of(tree_.root) < first) return nullptr;
        return search_below(tree_.root, first, last);
    }
    /// The next one after `item`.
    T* next_touching(T& item, u64 first, u64 last) const {
        Node* at = &(item.*Link);
        Node* right = at->child[Node::Right];
        for (;;) {
            if (right && first <= reach_of(right)) return search_below(right, first, last);
            Node* below;
            do {  // up, until we come from the left
                below = at;
                at = at->parent;
                if (!at) return nullptr;
                right = at->child[Node::Right];
            } while (below == right);
            if (last < Ends::first(owner(at))) return nullptr;
            if (first <= Ends::last(owner(at))) return &owner(at);
        }
    }

    /// Whether the tree and all summaries are right; looks at every element. For tests.
    bool is_sound() const {
        for (Node* at = tree_.first; at; at = rb_neighbour(*at, Node::Right)) {
            if (reach_of(at) != reach_from_children(*at)) return false;
        }
        return rb_is_sound(tree_);
    }

private:
    using LinkType = std::remove_reference_t<decltype(static_cast<T*>(nullptr)->*Link)>;

    static T& owner(const Node* at) {
        const LinkType T::*const link = Link;
        const auto* const bytes = reinterpret_cast<const char*>(static_cast<const LinkType*>(at));
        return *reinterpret_cast<T*>(const_cast<char*>(bytes - std::bit_cast<isize>(link)));
    }
    static u64 reach_of(const Node* at) { return Ends::reach(owner(at)); }
    static u64 reach_from_children(Node& node) {
        u64 reach = Ends::last(owner(&node));
        for (const Node* child : node.child) {
            if (child && reach_of(child) > reach) reach = reach_of(child);
        }
        return reach;
    }
    static void summarize(Node& node) { Ends::reach(owner(&node)) = reach_from_children(node); }

    /// The first below `at`, whose subtree reaches at least up to `first`.
    static T* search_below(Node* at, u64 first, u64 last) {
        for (;;) {
            Node* const left = at->child[Node::Left];
            if (left && first <= reach_of(left)) {
                at = left;
                continue;
            }
            if (last < Ends::first(owner(at))) return nullptr;
            if (first <= Ends::last(owner(at))) return &owner(at);
            at = at->child[Node::Right];
            if (!at || reach_of(at) < first) return nullptr;
        }
    }

    RbRoot tree_;
};
