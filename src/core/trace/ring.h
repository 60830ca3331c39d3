/// The ring of trace records of one processor.
///
/// Slots of one size, numbered for ever: record n lies in slot n modulo the ring's size, which is
/// a power of two. So a reader can step backwards as well as forwards, and a number says at once
/// whether its record is still there.
///
/// Discipline: one writer, with interrupts off, on the processor that owns the ring (an interrupt
/// handler traces, too); it needs no lock and never waits. Any number of readers, anywhere: each
/// copies a slot and then looks whether the writer has come near meanwhile; if so, what it copied
/// may be torn, and it is not shown. Consuming readers share the records: each goes to one of them.
///
/// Invariant: taken_ <= written_; records before taken_ are gone for consuming readers, records
/// before cleared_ for all.
#pragma once

#include <atomic>
#include <span>

#include "core/trace/trace.h"

namespace trace {

class Ring {
public:
    struct Slot {
        RecordHeader header;
        std::byte bytes[kMaxRecord];
    };
    using Bytes = std::span<std::byte, kMaxRecord>;

    /// Gives the ring its memory, before the first record. The number of slots is a power of two.
    void set_slots(std::span<Slot> slots) { slots_ = slots; }
    bool is_ready() const { return !slots_.empty(); }
    usize size() const { return slots_.size(); }

    /// Appends a record with header.size bytes, over the oldest one if the ring is full. Only its
    /// owner, with interrupts off.
    void write(const RecordHeader& header, const void* bytes);

    /// Takes the oldest record; false when there is none. What was overwritten before anybody
    /// took it is counted as lost.
    bool take(RecordHeader& header, Bytes bytes);

    /// Copies record `cursor`, or the oldest one behind it that is still there, and moves the
    /// cursor behind it. Takes nothing. False at the end.
    bool next(u64& cursor, RecordHeader& header, Bytes bytes) const;

    /// Copies the record `back` steps before the newest one; false when there is none that old.
    bool peek(u64 back, RecordHeader& header, Bytes bytes) const;

    /// Forgets everything recorded so far, and the loss.
    void clear();

    /// Records ever written; overwritten before anybody took them; still to be taken.
    u64 written() const { return written_.load(std::memory_order_acquire); }
    u64 lost() const;
    u64 waiting() const;

private:
    /// The oldest record that can be copied; one slot is always the writer's.
    u64 oldest(u64 written) const { return written < size() ? 0 : written - size() + is_ready(); }
    bool copy(u64 number, RecordHeader& header, Bytes bytes) const;

    std::span<Slot> slots_;
    std::atomic<u64> written_{0};
    std::atomic<u64> taken_{0};
    std::atomic<u64> lost_{0};
    std::atomic<u64> cleared_{0};
};

}  // namespace trace
