#include "core/trace/ring.h"

#include "lib/string.h"

namespace trace {

void Ring::write(const RecordHeader& header, const void* bytes) {
    const u64 number = written_.load(std::memory_order_relaxed);
    Slot& slot = slots_[number & (size() - 1)];
    // Readers must see the last written_ before they can see this slot change.
    std::atomic_thread_fence(std::memory_order_release);
    slot.header = header;
    memcpy(slot.bytes, bytes, header.size);
    written_.store(number + 1, std::memory_order_release);
}

/// False if record `number` has been overwritten or may be just now.
bool Ring::copy(u64 number, RecordHeader& header, Bytes bytes) const {
    const Slot& slot = slots_[number & (size() - 1)];
    header = slot.header;
    memcpy(bytes.data(), slot.bytes, kMaxRecord);
    std::atomic_thread_fence(std::memory_order_acquire);
    // The writer may already be filling slot `written`, which replaces record `written - size`.
    return written_.load(std::memory_order_relaxed) - number < size();
}

bool Ring::take(RecordHeader& header, Bytes bytes) {
    u64 number = taken_.load(std::memory_order_relaxed);
    for (;;) {
        const u64 written = written_.load(std::memory_order_acquire);
        if (number >= written) return false;
        const u64 first = std::max(number, oldest(written));
        const bool sound = copy(first, header, bytes);
        // Whoever moves taken_ owns what lies between; else `number` is now what another made it.
        if (!taken_.compare_exchange_weak(number, first + 1, std::memory_order_relaxed)) continue;
        lost_.fetch_add(first - number + !sound, std::memory_order_relaxed);
        if (sound) return true;
        number = first + 1;
    }
}

bool Ring::next(u64& cursor, RecordHeader& header, Bytes bytes) const {
    for (;;) {
        const u64 written = written_.load(std::memory_order_acquire);
        const u64 shown_from = cleared_.load(std::memory_order_relaxed);
        cursor = std::max(cursor, std::max(oldest(written), shown_from));
        if (cursor >= written) return false;
        if (copy(cursor++, header, bytes)) return true;
    }
}

bool Ring::peek(u64 back, RecordHeader& header, Bytes bytes) const {
    const u64 written = written_.load(std::memory_order_acquire);
    if (back + 1 >= size()) return false;
    if (back >= written - cleared_.load(std::memory_order_relaxed)) return false;
    return copy(written - 1 - back, header, bytes);
}

void Ring::clear() {
    const u64 written = written_.load(std::memory_order_acquire);
    taken_.store(written, std::memory_order_relaxed);
    cleared_.store(written, std::memory_order_relaxed);
    lost_.store(0, std::memory_order_relaxed);
}

u64 Ring::lost() const {
    const u64 taken = taken_.load(std::memory_order_relaxed);
    const u64 first = oldest(written_.load(std::memory_order_acquire));
    return lost_.load(std::memory_order_relaxed) + (first > taken ? first - taken : 0);
}

u64 Ring::waiting() const {
    const u64 taken = taken_.load(std::memory_order_relaxed);
    const u64 written = written_.load(std::memory_order_acquire);
    return written - std::max(taken, oldest(written));
}

}  // namespace trace
