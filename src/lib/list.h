/// List<T, &T::link>: doubly linked, and the links live inside the elements.
///
/// Joining or leaving a list never allocates and takes constant time, and an element can leave
/// without knowing which list it is on. The list is a ring through a sentinel, so no operation
/// has a special case for the ends.
///
/// Discipline: an element is on at most one list per link, and leaves before it dies: the link's
/// destructor asserts it. The list owns nothing and takes no lock; whoever guards the list
/// guards the links of its elements.
///
/// Invariant: for every node n of a ring, n.next->prev == &n and n.prev->next == &n. A node that
/// is on no list has null pointers.
#pragma once

#include <bit>
#include <type_traits>

#include "lib/assert.h"
#include "lib/types.h"

/// A place in a ring. As a member of an element it is for objects that never die (a constinit
/// global must not have a destructor); all others use ListLink.
class StaticListLink {
public:
    constexpr StaticListLink() = default;
    StaticListLink(const StaticListLink&) = delete;
    StaticListLink& operator=(const StaticListLink&) = delete;

    bool is_linked() const { return next_ != nullptr; }

    /// Leaves the list it is on; it must be on one.
    void unlink() {
        ASSERT(is_linked() && next_->prev_ == this && prev_->next_ == this);
        next_->prev_ = prev_;
        prev_->next_ = next_;
        next_ = prev_ = nullptr;
    }

private:
    template <class T, auto Link>
    friend class List;

    constexpr StaticListLink(StaticListLink* next, StaticListLink* prev)
        : next_(next), prev_(prev) {}

    void insert_between(StaticListLink& before, StaticListLink& after) {
        ASSERT(!is_linked() && before.next_ == &after && after.prev_ == &before);
        next_ = &after;
        prev_ = &before;
        before.next_ = after.prev_ = this;
    }

    StaticListLink* next_ = nullptr;
    StaticListLink* prev_ = nullptr;
};

/// A place in a ring for elements that come and go: being linked at destruction is a bug.
class ListLink : public StaticListLink {
public:
    ~ListLink() { ASSERT(!is_linked()); }
};

/// The list of those T that are linked by `Link`, a pointer to a member. All operations take
/// constant time unless they say otherwise.
template <class T, auto Link>
class List {
    using Node = StaticListLink;

public:
    constexpr List() : head_(&head_, &head_) {}
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    bool empty() const { return head_.next_ == &head_; }

    /// The first or last element, or null.
    T* front() const { return element(head_.next_); }
    T* back() const { return element(head_.prev_); }

    /// The neighbours of `item`, which is on this list; null at the end.
    T* next(const T& item) const { return element(node(item).next_); }
    T* prev(const T& item) const { return element(node(item).prev_); }

    /// Counts the elements, one by one.
    usize size() const {
        usize count = 0;
        for (const Node* at = head_.next_; at != &head_; at = at->next_) count++;
        return count;
    }

    /// Adds `item`, which must be on no list through this link.
    void push_front(T& item) { node(item).insert_between(head_, *head_.next_); }
    void push_back(T& item) { node(item).insert_between(*head_.prev_, head_); }

    /// Adds `item` next to `at`, which is on this list.
    void insert_before(T& at, T& item) { node(item).insert_between(*node(at).prev_, node(at)); }
    void insert_after(T& at, T& item) { node(item).insert_between(node(at), *node(at).next_); }

    /// Takes `item` off the list that it is on.
    static void remove(T& item) { node(item).unlink(); }

    /// Takes the first or last element off; null if there is none.
    T* pop_front() { return pop(front()); }
    T* pop_back() { return pop(back()); }

    /// Moves all elements of `from`, in order, to the front or the end of this list.
    void splice_front(List& from) { splice(from, head_, *head_.next_); }
    void splice_back(List& from) { splice(from, *head_.prev_, head_); }

    /// Whether `item` is on any list through this link.
    static bool is_linked(const T& item) { return node(item).is_linked(); }

    /// for (T& item : list). The loop may not remove `item`, unless it leaves at once.
    class Iterator {
    public:
        explicit Iterator(const Node* at) : at_(const_cast<Node*>(at)) {}
        T& operator*() const { return owner(at_); }
        Iterator& operator++() {
            at_ = at_->next_;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        Node* at_;
    };
    Iterator begin() const { return Iterator(head_.next_); }
    Iterator end() const { return Iterator(&head_); }

    /// for (T& item : list.removable()). The loop may remove `item`, but not the one after it.
    class Removable {
    public:
        class Iterator {
        public:
            explicit Iterator(Node* at) : at_(at), next_(at->next_) {}
            T& operator*() const { return owner(at_); }
            Iterator& operator++() {
                at_ = next_;
                next_ = at_->next_;
                return *this;
            }
            bool operator==(const Iterator& other) const { return at_ == other.at_; }

        private:
            Node *at_, *next_;
        };
        explicit Removable(List& list) : list_(list) {}
        Iterator begin() const { return Iterator(list_.head_.next_); }
        Iterator end() const { return Iterator(&list_.head_); }

    private:
        List& list_;
    };
    Removable removable() { return Removable(*this); }

private:
    using LinkType = std::remove_reference_t<decltype(static_cast<T*>(nullptr)->*Link)>;

    static Node& node(T& item) { return item.*Link; }
    static const Node& node(const T& item) { return item.*Link; }

    /// The element whose link is at `at`. A pointer to a data member *is* the member's offset
    /// (Itanium C++ ABI, 2.3), which turns the step from element to link around.
    static T& owner(const Node* at) {
        const LinkType T::*const link = Link;
        const auto* const bytes = reinterpret_cast<const char*>(static_cast<const LinkType*>(at));
        return *reinterpret_cast<T*>(const_cast<char*>(bytes - std::bit_cast<isize>(link)));
    }

    T* element(const Node* at) const { return at == &head_ ? nullptr : &owner(at); }

    T* pop(T* item) {
        if (item) remove(*item);
        return item;
    }

    void splice(List& from, Node& before, Node& after) {
        if (from.empty()) return;
        Node &first = *from.head_.next_, &last = *from.head_.prev_;
        from.head_.next_ = from.head_.prev_ = &from.head_;
        before.next_ = &first;
        first.prev_ = &before;
        last.next_ = &after;
        after.prev_ = &last;
    }

    Node head_;
};
