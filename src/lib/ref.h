/// Ref<T>: a counted pointer; the count lives inside the object.
///
/// A class takes part by having
///
///     RefCount ref_count;
///     static void release(T* object);  // called once, when the last reference is gone
///
/// A new object starts with one reference, which adopt() puts into a Ref. Whoever holds a Ref may
/// use the object; a copy of the Ref keeps it alive for another holder. Any context, no lock;
/// release() runs where the last Ref dies, so nobody drops a last reference under a spin lock
/// that release() takes.
///
/// Invariant: an object whose count reached zero never gets a reference again. (A cache that
/// finds objects without holding a reference asks try_share().)
#pragma once

#include <atomic>
#include <utility>

#include "lib/assert.h"
#include "lib/types.h"

/// The number of references to an object. It saturates: a count that ran up to kSaturated stays
/// there and the object is never freed. A leak is harmless; a count that wraps to zero is a
/// use after free.
class RefCount {
public:
    static constexpr u32 kSaturated = 0xc000'0000;  // far from both ends: racing adds stay away

    constexpr RefCount() = default;
    constexpr explicit RefCount(u32 count) : count_(count) {}
    RefCount(const RefCount&) = delete;
    RefCount& operator=(const RefCount&) = delete;

    u32 value() const { return count_.load(std::memory_order_relaxed); }

    /// One more. The caller has a reference, so the count is not zero.
    void inc() {
        const u32 before = count_.fetch_add(1, std::memory_order_relaxed);
        ASSERT(before != 0);
        saturate(before);
    }

    /// One more, unless the count is zero: then false, and the object is as good as gone.
    bool inc_not_zero() {
        u32 seen = value();
        while (seen != 0) {
            if (seen >= kSaturated) return true;
            if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    /// One less; true if it was the last. Whatever other holders did to the object before they
    /// dropped theirs is visible to the last one.
    [[nodiscard]] bool dec_and_test() {
        const u32 before = count_.fetch_sub(1, std::memory_order_release);
        ASSERT(before != 0);
        saturate(before);
        if (before != 1) return false;
        std::atomic_thread_fence(std::memory_order_acquire);
        return true;
    }

private:
    void saturate(u32 before) {
        if (before >= kSaturated) count_.store(kSaturated, std::memory_order_relaxed);
    }

    std::atomic<u32> count_{1};
};

/// A reference to a T, or null.
template <class T>
class Ref {
public:
    constexpr Ref() = default;
    constexpr Ref(decltype(nullptr)) {}
    Ref(const Ref& other) : object_(other.object_) {
        if (object_) object_->ref_count.inc();
    }
    Ref(Ref&& other) noexcept : object_(other.leak()) {}
    /// By value: serves copies and moves, and assigning a Ref to itself.
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() { drop(object_); }

    /// Takes over a reference that the caller owns: a new object's first, or one leak()ed.
    static Ref adopt(T* object) { return Ref(object); }

    /// Takes another reference; the caller knows that the object is alive. Null stays null.
    static Ref share(T* object) {
        if (object) object->ref_count.inc();
        return Ref(object);
    }

    /// Takes another reference unless the last one is gone already: then null.
    static Ref try_share(T* object) {
        return object && object->ref_count.inc_not_zero() ? Ref(object) : Ref();
    }

    T* get() const { return object_; }
    T& operator*() const {
        ASSERT(object_);
        return *object_;
    }
    T* operator->() const {
        ASSERT(object_);
        return object_;
    }
    explicit operator bool() const { return object_ != nullptr; }
    bool operator==(const Ref& other) const { return object_ == other.object_; }
    bool operator==(const T* other) const { return object_ == other; }

    /// Gives the reference up to the caller, who must adopt() it again some day.
    [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }

    /// Drops the reference; the Ref is null before release() runs.
    void reset() { drop(leak()); }

private:
    constexpr explicit Ref(T* object) : object_(object) {}

    static void drop(T* object) {
        if (object && object->ref_count.dec_and_test()) T::release(object);
    }

    T* object_ = nullptr;
};
