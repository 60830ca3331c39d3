/// RcuList and RcuHlist: linked lists that readers walk without a lock while one writer at a time
/// changes them. Linux: include/linux/rculist.h.
///
///     RcuReadGuard guard;
///     for (Item& item : list) …                    // reader
///
///     list.push_front(item);                       // writer, under the lock that guards the list
///     list.remove(item);
///     call_rcu(item.rcu, free_item);               // not before: a reader may stand on it
///
/// A new element is complete, and its own link set, before the link that shows it is written. A
/// removed one keeps its way forward, so who stands on it walks on into the list. A reader sees
/// each element that is there all the time, and may or may not see one that comes or goes
/// meanwhile.
#pragma once

#include <atomic>
#include <bit>

#include "lib/assert.h"
#include "lib/types.h"

/// A place in an RcuHlist. Each node knows the pointer that leads to it, so that it can leave
/// without knowing its list.
class RcuHlistLink {
public:
    constexpr RcuHlistLink() = default;
    RcuHlistLink(const RcuHlistLink&) = delete;
    bool is_linked() const { return pointer_to_us_ != nullptr; }

private:
    template <class T, auto Link>
    friend class RcuHlist;

    std::atomic<RcuHlistLink*> next_{nullptr};
    std::atomic<RcuHlistLink*>* pointer_to_us_ = nullptr;  // the writer's
};

/// A list with a single pointer as head: for the buckets of hash tables.
template <class T, auto Link>
class RcuHlist {
public:
    constexpr RcuHlist() = default;
    RcuHlist(const RcuHlist&) = delete;

    bool empty() const { return first_.load(std::memory_order_relaxed) == nullptr; }

    void push_front(T& item) { show(item.*Link, first_); }
    void insert_after(T& at, T& item) { show(item.*Link, (at.*Link).next_); }

    /// Takes `item`, which is on a list, out of it. Readers may stand on it until a grace period
    /// has passed; only then it may be freed, or be put on a list again.
    static void remove(T& item) {
        RcuHlistLink& link = item.*Link;
        ASSERT(link.is_linked());
        RcuHlistLink* const next = link.next_.load(std::memory_order_relaxed);
        link.pointer_to_us_->store(next, std::memory_order_release);
        if (next != nullptr) next->pointer_to_us_ = link.pointer_to_us_;
        link.pointer_to_us_ = nullptr;
    }

    /// Puts `item` in the place of `old` in one step: readers find one or the other.
    static void replace(T& old, T& item) {
        RcuHlistLink& from = old.*Link;
        RcuHlistLink& to = item.*Link;
        ASSERT(from.is_linked() && !to.is_linked());
        RcuHlistLink* const next = from.next_.load(std::memory_order_relaxed);
        to.next_.store(next, std::memory_order_relaxed);
        to.pointer_to_us_ = from.pointer_to_us_;
        to.pointer_to_us_->store(&to, std::memory_order_release);
        if (next != nullptr) next->pointer_to_us_ = &to.next_;
        from.pointer_to_us_ = nullptr;
    }

    /// for (T& item : list), in an RCU section or under the writer's lock.
    class Iterator {
    public:
        explicit Iterator(RcuHlistLink* at) : at_(at) {}
        T& operator*() const { return owner(*at_); }
        Iterator& operator++() {
            at_ = at_->next_.load(std::memory_order_acquire);
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        RcuHlistLink* at_;
    };
    Iterator begin() const { return Iterator(first_.load(std::memory_order_acquire)); }
    Iterator end() const { return Iterator(nullptr); }

private:
    static T& owner(RcuHlistLink& link) {
        RcuHlistLink T::*const member = Link;
        return *reinterpret_cast<T*>(reinterpret_cast<char*>(&link) - std::bit_cast<isize>(member));
    }
    /// Makes `link` what `pointer` leads to.
    static void show(RcuHlistLink& link, std::atomic<RcuHlistLink*>& pointer) {
        ASSERT(!link.is_linked());
        RcuHlistLink* const next = pointer.load(std::memory_order_relaxed);
        link.next_.store(next, std::memory_order_relaxed);
        link.pointer_to_us_ = &pointer;
        if (next != nullptr) next->pointer_to_us_ = &link.next_;
        pointer.store(&link, std::memory_order_release);
    }

    std::atomic<RcuHlistLink*> first_{nullptr};
};

/// A place in an RcuList.
class RcuListLink {
public:
    constexpr RcuListLink() = default;
    RcuListLink(const RcuListLink&) = delete;
    bool is_linked() const { return prev_ != nullptr; }

private:
    template <class T, auto Link>
    friend class RcuList;

    std::atomic<RcuListLink*> next_{nullptr};
    RcuListLink* prev_ = nullptr;  // the writer's
};

/// A ring through a sentinel: elements come and go at both ends. Readers walk forwards only.
template <class T, auto Link>
class RcuList {
public:
    constexpr RcuList() {
        head_.next_.store(&head_, std::memory_order_relaxed);
        head_.prev_ = &head_;
    }
    RcuList(const RcuList&) = delete;

    bool empty() const { return head_.prev_ == &head_; }

    void push_front(T& item) { insert(item.*Link, head_, next_of(head_)); }
    void push_back(T& item) { insert(item.*Link, *head_.prev_, head_); }
    void insert_after(T& at, T& item) { insert(item.*Link, at.*Link, next_of(at.*Link)); }

    /// As RcuHlist::remove().
    static void remove(T& item) {
        RcuListLink& link = item.*Link;
        ASSERT(link.is_linked());
        RcuListLink& next = next_of(link);
        link.prev_->next_.store(&next, std::memory_order_release);
        next.prev_ = link.prev_;
        link.prev_ = nullptr;
    }

    /// As RcuHlist::replace().
    static void replace(T& old, T& item) {
        RcuListLink& from = old.*Link;
        RcuListLink& to = item.*Link;
        ASSERT(from.is_linked() && !to.is_linked());
        RcuListLink& next = next_of(from);
        to.next_.store(&next, std::memory_order_relaxed);
        to.prev_ = from.prev_;
        to.prev_->next_.store(&to, std::memory_order_release);
        next.prev_ = &to;
        from.prev_ = nullptr;
    }

    class Iterator {
    public:
        explicit Iterator(const RcuListLink* at) : at_(const_cast<RcuListLink*>(at)) {}
        T& operator*() const { return owner(*at_); }
        Iterator& operator++() {
            at_ = at_->next_.load(std::memory_order_acquire);
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        RcuListLink* at_;
    };
    Iterator begin() const { return Iterator(head_.next_.load(std::memory_order_acquire)); }
    Iterator end() const { return Iterator(&head_); }

private:
    static RcuListLink& next_of(RcuListLink& link) {
        return *link.next_.load(std::memory_order_relaxed);
    }
    static T& owner(RcuListLink& link) {
        RcuListLink T::*const member = Link;
        return *reinterpret_cast<T*>(reinterpret_cast<char*>(&link) - std::bit_cast<isize>(member));
    }
    static void insert(RcuListLink& link, RcuListLink& prev, RcuListLink& next) {
        ASSERT(!link.is_linked());
        link.next_.store(&next, std::memory_order_relaxed);
        link.prev_ = &prev;
        next.prev_ = &link;
        prev.next_.store(&link, std::memory_order_release);
    }

    RcuListLink head_;
};
