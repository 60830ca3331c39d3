// Appending to this processor's ring, reading all of them, records as text, switching by name.

#include "core/trace/trace.h"

#include <bit>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "core/trace/ring.h"
#include "lib/format.h"
#include "lib/string.h"

// At file scope, with external linkage: inside an unnamed namespace the compiler takes them for two
// objects of its own, whose addresses never meet, and drops the end of every loop over the events.
// They are made by kernel.ld.
extern "C" trace::Event __trace_events_start[], __trace_events_end[];

namespace trace {

constinit std::atomic<bool> tracing_on{true};
PER_CPU u32 current_pid = 0;

namespace {

PER_CPU Ring ring{};

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

void Event::set_enabled(bool on) {
    const bool was_on = enabled.exchange(on, std::memory_order_relaxed);
    if (gate != nullptr && was_on != on) gate->fetch_add(on ? 1u : ~0u, std::memory_order_relaxed);
}

std::span<Event> all_events() { return {__trace_events_start, __trace_events_end}; }

void init(void* (*alloc)(usize bytes), usize ring_bytes) {
    ring_bytes = std::min(std::max(ring_bytes, usize{4096}), usize{1} << 30);
    const usize slots = std::bit_floor(ring_bytes / sizeof(Ring::Slot));
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        void* const memory = alloc(slots * sizeof(Ring::Slot));
        if (memory != nullptr) {
            per_cpu(ring, cpu).set_slots({static_cast<Ring::Slot*>(memory), slots});
        }
    });
}

void append(const Event& event, const void* bytes) {
    if (!tracing_on.load(std::memory_order_relaxed)) return;
    const bool irqs_were_on = arch::irq_save();
    Ring& mine = this_cpu(ring);
    if (mine.is_ready()) {
        const u8 flags =
            u8(!irqs_were_on) | u8(in_hardirq() ? 2 : 0) | u8(in_serving_softirq() ? 4 : 0);
        mine.write({.time_ns = arch::clock_ns(),
                    .pid = arch::this_cpu_read(current_pid),
                    .event = u16(&event - __trace_events_start),
                    .size = u8(event.size),
                    .flags = flags},
                   bytes);
    }
    arch::irq_restore(irqs_were_on);
}

bool read_record(unsigned cpu, RecordHeader& header, std::span<std::byte, kMaxRecord> bytes) {
    return per_cpu(ring, cpu).take(header, bytes);
}

bool next_record(unsigned cpu, u64& cursor, RecordHeader& header,
                 std::span<std::byte, kMaxRecord> bytes) {
    return per_cpu(ring, cpu).next(cursor, header, bytes);
}

bool peek_record(unsigned cpu, unsigned back, RecordHeader& header,
                 std::span<std::byte, kMaxRecord> bytes) {
    return per_cpu(ring, cpu).peek(back, header, bytes);
}

usize format_record(unsigned cpu, const RecordHeader& header, const std::byte* bytes,
                    std::span<char> line) {
    const Event& event = all_events()[header.event];
    const u64 us = header.time_ns / 1000;
    usize length = format_to(line, "%7u [%03u] %c%c %5u.%06u: %s:", header.pid, cpu,
                             header.flags & 1 ? 'd' : '.', ".hsH"[header.flags >> 1 & 3],
                             us / 1'000'000, us % 1'000'000, event.name);
    for (const Field& field : event.fields) {
        if (length >= line.size()) break;
        length += format_field(field, bytes, line.subspan(length));
    }
    return length < line.size() ? length : line.size() - 1;
}

u64 lost_records(unsigned cpu) { return per_cpu(ring, cpu).lost(); }

u64 written_records(unsigned cpu) { return per_cpu(ring, cpu).written(); }

u64 waiting_records(unsigned cpu) { return per_cpu(ring, cpu).waiting(); }

void clear() {
    for_each_cpu(possible_cpus, [](unsigned cpu) { per_cpu(ring, cpu).clear(); });
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
        event.set_enabled(enable);
        any = true;
    }
    return any;
}

}  // namespace trace
