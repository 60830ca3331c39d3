/// Callbacks that wait for grace periods, in the order in which they came: three queues in a row.
///
///     next --> wait --> done
///
/// `next` takes what is new. `wait` holds those whose grace period has been chosen; when it is
/// over, they move on to `done`, whose members may be called. While a grace period runs that began
/// too early for `next`, that one has to wait.
///
/// No lock: a queue belongs to one processor and is used with interrupts off. All pointers may be
/// zero at first, and none points into the object, so per-CPU copies need no set-up.
#pragma once

#include "core/rcu/rcu.h"
#include "core/rcu/sequence.h"

namespace rcu {

/// A singly linked list with an end.
class Fifo {
public:
    bool empty() const { return first_ == nullptr; }
    void push(RcuHead& head) {
        head.next = nullptr;
        (empty() ? first_ : last_->next) = &head;
        last_ = &head;
    }
    RcuHead* pop() {
        RcuHead* const head = first_;
        if (head != nullptr) first_ = head->next;
        return head;
    }
    /// Moves all of `from`, in order, behind what is here.
    void splice(Fifo& from) {
        if (from.empty()) return;
        (empty() ? first_ : last_->next) = from.first_;
        last_ = from.last_;
        from.first_ = nullptr;
    }

private:
    RcuHead* first_ = nullptr;
    RcuHead* last_ = nullptr;  // meaningless while empty
};

class CallbackQueue {
public:
    void push(RcuHead& head) {
        next_.push(head);
        set_length(length_ + 1);
    }
    /// The oldest whose grace period is over; null if there is none. It counts until note_called().
    RcuHead* pop_done() { return done_.pop(); }
    void note_called() { set_length(length_ - 1); }

    /// Moves on what can, now that grace periods up to `now` are over; `now` is the sequence as
    /// read after the newest callback came. True if a grace period up to wanted() must come to
    /// pass.
    bool advance(u64 now) {
        if (!wait_.empty() && is_reached(now, wanted_)) done_.splice(wait_);
        if (!wait_.empty() || next_.empty()) return false;
        wait_.splice(next_);
        wanted_ = end_of_full_period(now);
        return true;
    }
    u64 wanted() const { return wanted_; }

    /// True if advance() would do something, or something can be popped.
    bool has_work(u64 now) const {
        if (!done_.empty()) return true;
        return wait_.empty() ? !next_.empty() : is_reached(now, wanted_);
    }
    /// True if callbacks wait for a grace period that is over at `now`: for others to look.
    bool is_due(u64 now) const { return !wait_.empty() && is_reached(now, wanted_); }

    /// How many wait or are being called. Other processors may ask.
    u64 length() const {
        return std::atomic_ref<u64>(const_cast<u64&>(length_)).load(std::memory_order_acquire);
    }

private:
    void set_length(u64 length) {
        std::atomic_ref<u64>(length_).store(length, std::memory_order_release);
    }

    Fifo next_, wait_, done_;
    u64 wanted_ = 0;  // ends the grace period that `wait_` waits for
    u64 length_ = 0;
};

}  // namespace rcu
