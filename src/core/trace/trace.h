/// Trace points: what happens, when, on which processor.
///
/// A trace point is a small struct of plain values with a name and a list of its fields:
///
///     struct SchedWakeup {
///         static constexpr const char* kSystem = "sched";
///         static constexpr const char* kName = "sched_wakeup";
///         char comm[16]; i32 pid; i32 prio; u32 target_cpu;
///         static const trace::Field kFields[4];
///         static trace::Event event;
///     };
///     const trace::Field SchedWakeup::kFields[] = {TRACE_FIELD(SchedWakeup, comm), …};
///     TRACE_POINT(SchedWakeup);                  // both once, in one .cc
///     trace::point(SchedWakeup{…});              // where it happens
///
/// All are always compiled in. Off, one costs a load and a branch that is not taken (the record
/// is built only behind it). On, the record goes into this processor's ring, without locks; when
/// the ring is full the oldest records are overwritten and the loss is counted. Safe in any
/// context, NMI excepted.
///
/// The struct *is* the schema: tracefs prints `format` from kFields, and `make trace` makes a CTF
/// description from that.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "lib/types.h"

namespace trace {

enum class FieldKind : u8 { Unsigned, Signed, Hex, Text };

struct Field {
    const char* name;
    u16 offset;
    u16 size;
    FieldKind kind;
};

template <class T>
constexpr FieldKind kind_of() {
    if constexpr (std::is_array_v<T>) {
        return FieldKind::Text;
    } else if constexpr (std::is_signed_v<T>) {
        return FieldKind::Signed;
    } else {
        return FieldKind::Unsigned;
    }
}

#define TRACE_FIELD(Type, member)                              \
    trace::Field {                                             \
#member, offsetof(Type, member), sizeof(Type::member), \
            trace::kind_of < decltype(Type::member)>()         \
    }
#define TRACE_FIELD_HEX(Type, member) \
    trace::Field { #member, offsetof(Type, member), sizeof(Type::member), trace::FieldKind::Hex }

struct Event;

inline constexpr usize kMaxRecord = 64;

template <class R>
concept Record = std::is_trivially_copyable_v<R> && sizeof(R) <= kMaxRecord&& requires {
    { R::kSystem } -> std::convertible_to<const char*>;
    { R::kName } -> std::convertible_to<const char*>;
    R::kFields;
    R::event;
};

/// One kind of record. They stand in the linker section .trace_events, so the list is complete
/// without anybody registering; an event's number is its place in that section.
struct alignas(64) Event {  // so that they stand in the section like in an array
    const char* system;
    const char* name;
    std::span<const Field> fields;
    u16 size;
    std::atomic<bool> enabled{false};
    /// Counts the events that are on, of those that share it; null: nobody counts. Lets a hot path
    /// ask one question for several events and other reasons.
    std::atomic<u32>* gate = nullptr;

    void set_enabled(bool on);
};

std::span<Event> all_events();

// aligned: else the compiler spreads them out, and the section would be no array.
#define TRACE_POINT(R)                                                    \
    [[gnu::section(".trace_events"), gnu::aligned(alignof(trace::Event)), \
      gnu::used]] constinit trace::Event R::event {                       \
        R::kSystem, R::kName, R::kFields, sizeof(R)                       \
    }
/// The same, with an Event::gate.
#define TRACE_POINT_GATED(R, counter)                                     \
    [[gnu::section(".trace_events"), gnu::aligned(alignof(trace::Event)), \
      gnu::used]] constinit trace::Event R::event {                       \
        R::kSystem, R::kName, R::kFields, sizeof(R), false, counter       \
    }

/// Appends a record to this processor's ring, with the time and the current pid.
void append(const Event& event, const void* bytes);

template <Record R>
inline bool is_enabled() {
    return R::event.enabled.load(std::memory_order_relaxed);
}

template <Record R>
inline void point(const R& record) {
    if (is_enabled<R>()) [[unlikely]] {
        append(R::event, &record);
    }
}

/// What stands before each record in a ring and in trace_pipe_raw.
struct RecordHeader {
    u64 time_ns;
    u32 pid;
    u16 event;  // index into all_events()
    u8 size;    // of the record that follows, without this header
    u8 flags;   // bit 0: interrupts were off; 1: in an interrupt handler; 2: in a softirq
};
static_assert(sizeof(RecordHeader) == 16);

/// Takes the oldest record of `cpu` out of its ring: header, then `header.size` bytes. False when
/// there is none. Several readers share the records between them.
bool read_record(unsigned cpu, RecordHeader& header, std::span<std::byte, kMaxRecord> bytes);

/// As read_record(), but takes nothing: the record `cursor` (0: the oldest that is there), which
/// then moves on. False at the end.
bool next_record(unsigned cpu, u64& cursor, RecordHeader& header,
                 std::span<std::byte, kMaxRecord> bytes);

/// The record as one line in the manner of Linux' `trace` file; returns its length.
usize format_record(unsigned cpu, const RecordHeader& header, const std::byte* bytes,
                    std::span<char> line);

/// Records overwritten on `cpu` before anybody read them.
u64 lost_records(unsigned cpu);

/// Records ever written on `cpu`: where a cursor of next_record() will come to next.
u64 written_records(unsigned cpu);

/// Records on `cpu` that nobody has taken yet.
u64 waiting_records(unsigned cpu);

/// Discards everything recorded so far.
void clear();

/// The master switch (tracing_on); recording needs it and the event's own.
extern constinit std::atomic<bool> tracing_on;

/// Enables or disables events by name: "sched_switch", "sched:*", "*:*", "sched". True if at
/// least one event matched.
bool set_events(std::string_view pattern, bool enable);

/// Copies the record that is `back` steps before the newest one on `cpu`, without consuming it.
/// For the panic report; false when there is none that old.
bool peek_record(unsigned cpu, unsigned back, RecordHeader& header,
                 std::span<std::byte, kMaxRecord> bytes);

inline constexpr usize kDefaultRingBytes = 1024 * 80;

/// Gives every processor a ring of about `ring_bytes` (rounded down to a power of two of slots).
/// `alloc` yields memory or null; a processor without a ring records nothing.
void init(void* (*alloc)(usize bytes), usize ring_bytes = kDefaultRingBytes);

/// Who is running, for RecordHeader::pid; kept up to date by the scheduler. Per-CPU.
extern u32 current_pid;

}  // namespace trace
