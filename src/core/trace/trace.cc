// The rings of trace records: one for each processor, of slots of one size, so that a reader can
// step backwards as well as forwards.
//
// Writing: only the owner of a ring writes to it, with interrupts off (an interrupt handler may
// trace, too), so it needs no lock. It fills the slot, then publishes it by advancing `written`.
// Reading: a reader copies a slot and then looks whether the writer has come near meanwhile; if
// so, what it copied may be torn, and it is skipped and counted as lost.

#include "core/trace/trace.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "lib/format.h"
#include "lib/string.h"

// At file scope, with external linkage: inside an unnamed namespace the compiler takes them for two
// objects of its own, whose addresses never meet, and drops the end of every loop over the events.
extern "C" trace::Event __trace_events_start[], __trace_events_end[];

namespace trace {

constinit std::atomic<bool> tracing_on{true};
PER_CPU u32 current_pid = 0;

extern "C" Event __trace_events_start[];  // kernel.ld
extern "C" Event __trace_events_end[];

namespace {

constexpr usize kSlots = 1024;  // a power of two

struct Slot {
    RecordHeader header;
    std::byte bytes[kMaxRecord];
};

struct Ring {
    Slot* slots;
    std::atomic<u64> written;  // slots ever filled; slot n lies at n % kSlots
    std::atomic<u64> read;     // the next one for consuming readers
    std::atomic<u64> lost;
    std::atomic<u64> cleared;  // nothing before this is shown
};
PER_CPU Ring ring{};

/// Copies slot `number` of `from`; false if it has been or may be overwritten.
bool copy_slot(const Ring& from, u64 number, Slot& to) {
    to = from.slots[number % kSlots];
    std::atomic_thread_fence(std::memory_order_acquire);
    // The writer may already be filling slot `written`, which replaces slot `written - kSlots`.
    return from.written.load(std::memory_order_relaxed) - number < kSlots;
}

usize format_field(const Field& field, const std::byte* bytes, std::span<char> out) {
    const std::byte* at = bytes + field.offset;
    if (field.kind == FieldKind::Text) {
        const char* text = reinterpret_cast<const char*>(at);
        return format_to(out, " %s=%s", field.name,
                         std::string_view(text, strnlen(text, field.size)));
    }
    u64 value = 0;
    memcpy(&value, at, field.size);
    if (field.kind == FieldKind::Signed) {
        const unsigned shift = 64 - 8 * field.size;
        return format_to(out, " %s=%d", field.name, i64(value << shift) >> shift);
    }
    const char* format = field.kind == FieldKind::Hex ? " %s=%#x" : " %s=%u";
    return format_to(out, format, field.name, value);
}

bool matches(std::string_view pattern, std::string_view name) {
    return pattern == "*" || pattern == name;
}

}  // namespace

std::span<Event> all_events() { return {__trace_events_start, __trace_events_end}; }

void init(void* (*alloc)(usize bytes)) {
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        per_cpu(ring, cpu).slots = static_cast<Slot*>(alloc(kSlots * sizeof(Slot)));
    });
}

void append(const Event& event, const void* bytes) {
    if (!tracing_on.load(std::memory_order_relaxed)) return;
    const bool irqs_were_on = arch::irq_save();
    Ring& mine = this_cpu(ring);
    if (mine.slots != nullptr) {
        const u64 number = mine.written.load(std::memory_order_relaxed);
        Slot& slot = mine.slots[number % kSlots];
        const u8 flags = u8(!irqs_were_on) | u8(in_interrupt() ? 2 : 0);
        slot.header = {.time_ns = arch::clock_ns(),
                       .pid = arch::this_cpu_read(current_pid),
                       .event = u16(&event - __trace_events_start),
                       .size = u8(event.size),
                       .flags = flags};
        memcpy(slot.bytes, bytes, event.size);
        mine.written.store(number + 1, std::memory_order_release);
    }
    arch::irq_restore(irqs_were_on);
}

bool read_record(unsigned cpu, RecordHeader& header, std::span<std::byte, kMaxRecord> bytes) {
    Ring& from = per_cpu(ring, cpu);
    for (;;) {
        const u64 written = from.written.load(std::memory_order_acquire);
        u64 number = from.read.load(std::memory_order_relaxed);
        if (number >= written) return false;
        if (written - number >= kSlots) {  // overtaken
            const u64 oldest = written - kSlots + 1;
            from.lost.fetch_add(oldest - number, std::memory_order_relaxed);
            number = oldest;
        }
        Slot slot;
        const bool sound = copy_slot(from, number, slot);
        from.read.store(number + 1, std::memory_order_relaxed);
        if (!sound) {
            from.lost.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        header = slot.header;
        memcpy(bytes.data(), slot.bytes, kMaxRecord);
        return true;
    }
}

bool peek_record(unsigned cpu, unsigned back, RecordHeader& header,
                 std::span<std::byte, kMaxRecord> bytes) {
    const Ring& from = per_cpu(ring, cpu);
    const u64 written = from.written.load(std::memory_order_acquire);
    if (from.slots == nullptr || back + 1 >= kSlots) return false;
    if (back >= written - from.cleared.load(std::memory_order_relaxed)) return false;
    Slot slot;
    if (!copy_slot(from, written - 1 - back, slot)) return false;
    header = slot.header;
    memcpy(bytes.data(), slot.bytes, kMaxRecord);
    return true;
}

usize format_record(unsigned cpu, const RecordHeader& header, const std::byte* bytes,
                    std::span<char> line) {
    const Event& event = all_events()[header.event];
    const u64 us = header.time_ns / 1000;
    usize length = format_to(line, "%7u [%03u] %c%c %5u.%06u: %s:", header.pid, cpu,
                             header.flags & 1 ? 'd' : '.', header.flags & 2 ? 'h' : '.',
                             us / 1'000'000, us % 1'000'000, event.name);
    for (const Field& field : event.fields) {
        if (length >= line.size()) break;
        length += format_field(field, bytes, line.subspan(length));
    }
    return length < line.size() ? length : line.size() - 1;
}

u64 lost_records(unsigned cpu) { return per_cpu(ring, cpu).lost.load(std::memory_order_relaxed); }

void clear() {
    for_each_cpu(possible_cpus, [](unsigned cpu) {
        Ring& from = per_cpu(ring, cpu);
        const u64 written = from.written.load(std::memory_order_acquire);
        from.read.store(written, std::memory_order_relaxed);
        from.cleared.store(written, std::memory_order_relaxed);
        from.lost.store(0, std::memory_order_relaxed);
    });
}

bool set_events(std::string_view pattern, bool enable) {
    const usize colon = pattern.find(':');
    const bool has_system = colon != std::string_view::npos;
    const std::string_view system = has_system ? pattern.substr(0, colon) : "*";
    const std::string_view name = has_system ? pattern.substr(colon + 1) : pattern;
    bool any = false;
    for (Event& event : all_events()) {
        const bool whole_system = !has_system && name == event.system;
        const bool this_one = matches(system, event.system) && matches(name, event.name);
        if (!whole_system && !this_one) continue;
        event.enabled.store(enable, std::memory_order_relaxed);
        any = true;
    }
    return any;
}

}  // namespace trace
