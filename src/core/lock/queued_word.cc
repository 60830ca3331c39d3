#include "core/lock/queued_word.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"

namespace {

constexpr u32 kHolderMask = 0xff;
constexpr u32 kPending = 1 << 8;
constexpr u32 kTailMask = 0xffff'0000;

/// A processor's place in the queue of one lock. It waits in at most one queue for each level that
/// can interrupt the one below: task, softirq, interrupt, non-maskable interrupt.
struct QueueNode {
    std::atomic<QueueNode*> next;
    std::atomic<u32> is_head;
};
constexpr unsigned kLevels = 4;

struct QueueNodes {
    QueueNode node[kLevels];
    u32 used;
};
PER_CPU QueueNodes queue_nodes{};

/// Never 0, since the tag is not.
u16 tail_of(u32 tag, u32 level) { return u16(tag << 2 | level); }

QueueNode& node_at(u16 tail) {
    return per_cpu(queue_nodes, unsigned(tail >> 2) - 1).node[tail & 3];
}

}  // namespace

constinit std::atomic<bool> QueuedWord::always_queue{false};

/// Looks first, since an attempt takes the word's cache line away from the holder.
void QueuedWord::take_out_of_order(u32 tag) {
    do {
        while (word_.load(std::memory_order_relaxed) != 0) arch::cpu_relax();
    } while (!try_take(tag));
}

/// The second processor to come does not need a queue: it alone looks at the word.
bool QueuedWord::take_as_pending(u32 tag) {
    if ((word_.load(std::memory_order_relaxed) & ~kHolderMask) != 0) return false;
    const u32 before = word_.fetch_or(kPending, std::memory_order_acquire);
    if ((before & ~kHolderMask) != 0) {
        // Somebody was quicker. If the bit was his, it stays.
        if (!(before & kPending)) word_.fetch_and(~kPending, std::memory_order_relaxed);
        return false;
    }
    while (holder_byte().load(std::memory_order_acquire) != 0) arch::cpu_relax();
    low_half().store(u16(tag), std::memory_order_relaxed);  // takes the lock, clears the bit
    return true;
}

/// The first of the queue waits until the word is free of holder and pending waiter.
void QueuedWord::take_as_head(u32 tag, u16 my_tail) {
    u32 seen;
    while (((seen = word_.load(std::memory_order_acquire)) & (kHolderMask | kPending)) != 0) {
        arch::cpu_relax();
    }
    // Nobody behind us: the tail goes, too. Otherwise the others keep everybody else off.
    if ((seen & kTailMask) == u32{my_tail} << 16 &&
        word_.compare_exchange_strong(seen, tag, std::memory_order_relaxed)) {
        return;
    }
    holder_byte().store(u8(tag), std::memory_order_relaxed);
    QueueNode& mine = node_at(my_tail);
    QueueNode* next;
    while ((next = mine.next.load(std::memory_order_acquire)) == nullptr) arch::cpu_relax();
    next->is_head.store(1, std::memory_order_release);
}

[[gnu::noinline]] void QueuedWord::take_slowly(u32 tag) {
    const bool queues = !arch::cpu_features.hypervisor || always_queue.load();
    if (!queues) return take_out_of_order(tag);
    if (take_as_pending(tag)) return;

    QueueNodes& nodes = this_cpu(queue_nodes);
    const u32 level = nodes.used;
    if (level == kLevels) [[unlikely]] {
        while (!try_take(tag)) arch::cpu_relax();  // deeper than can be: unfair, but right
        return;
    }
    nodes.used = level + 1;
    arch::barrier();  // an interrupt from here on takes the next one
    QueueNode& mine = nodes.node[level];
    mine.next.store(nullptr, std::memory_order_relaxed);
    mine.is_head.store(0, std::memory_order_relaxed);

    const u16 my_tail = tail_of(tag & ~kNested, level);
    const u16 before = tail().exchange(my_tail, std::memory_order_acq_rel);
    if (before != 0) {
        node_at(before).next.store(&mine, std::memory_order_release);
        while (mine.is_head.load(std::memory_order_acquire) == 0) arch::cpu_relax();
    }
    take_as_head(tag, my_tail);
    arch::barrier();
    nodes.used = level;
}
