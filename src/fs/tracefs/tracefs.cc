// tracefs: its tree, made at the first mount from the list of trace points, and its switches.
#include "fs/tracefs/tracefs.h"
#include "abi/statfs.h"
#include "core/percpu/percpu.h"
#include "core/trace/trace.h"

namespace tracefs {
namespace {

using libfs::Node;
using libfs::SeqFile;
using libfs::TextNode;
using libfs::trim;

constinit libfs::Tree tree("tracefs");

Result<bool> parse_switch(std::string_view text) {
    text = trim(text);
    if (text == "0") return false;
    if (text == "1") return true;
    return EINVAL;
}

// --- one event
// ------------------------------------------------------------------------------------

trace::Event& event_of(void* data) { return *static_cast<trace::Event*>(data); }

Result<void> show_enable(SeqFile& out, void* data) {
    out.print("%d\n", event_of(data).enabled.load() ? 1 : 0);
    return {};
}
Result<void> store_enable(std::string_view text, void* data) {
    event_of(data).set_enabled(TRY(parse_switch(text)));
    return {};
}

Result<void> show_id(SeqFile& out, void* data) {
    out.print("%ld\n", &event_of(data) - trace::all_events().data());
    return {};
}

/// The C type that Linux would print for a field of that kind and size.
const char* type_of(const trace::Field& field) {
    const bool is_signed = field.kind == trace::FieldKind::Signed;
    switch (field.size) {
    case 1: return is_signed ? "s8" : "u8";
    case 2: return is_signed ? "s16" : "u16";
    case 4: return is_signed ? "s32" : "u32";
    default: return is_signed ? "s64" : "u64";
    }
}

const char* conversion_of(const trace::Field& field) {
    const bool is_wide = field.size == 8;
    switch (field.kind) {
    case trace::FieldKind::Text: return "%s";
    case trace::FieldKind::Signed: return is_wide ? "%ld" : "%d";
    case trace::FieldKind::Hex: return is_wide ? "%#lx" : "%#x";
    default: return is_wide ? "%lu" : "%u";
    }
}

/// As Linux describes how a record becomes a line of `trace`: a format and its arguments.
void show_print_format(SeqFile& out, const trace::Event& event) {
    const char* between = "\nprint fmt: \"";
    for (const trace::Field& field : event.fields) {
        out.print("%s%s=%s", between, field.name, conversion_of(field));
        between = " ";
    }
    out.print("\"");
    for (const trace::Field& field : event.fields) out.print(", REC->%s", field.name);
    out.print("\n");
}

Result<void> show_format(SeqFile& out, void* data) {
    const trace::Event& event = event_of(data);
    out.print("name: %s\nID: %ld\nformat:\n", event.name, &event - trace::all_events().data());
    for (const trace::Field& field : event.fields) {
        const bool is_text = field.kind == trace::FieldKind::Text;
        out.print("\tfield:%s %s", is_text ? "char" : type_of(field), field.name);
        if (is_text) out.print("[%u]", field.size);
        out.print(";\toffset:%u;\tsize:%u;\tsigned:%d;\n", field.offset, field.size,
                  field.kind == trace::FieldKind::Signed ? 1 : 0);
    }
    out.print("record size: %u\n", event.size);
    show_print_format(out, event);
    return {};
}

constexpr TextNode kEventFiles[] = {{"enable", 0644, show_enable, store_enable},
                                    {"format", 0444, show_format},
                                    {"id", 0444, show_id}};

// --- groups of events
// -----------------------------------------------------------------------------

/// Which events a switch is for: those of one system, or all if `system` is null.
bool belongs(const trace::Event& event, const char* system) {
    return !system || std::string_view(event.system) == system;
}

/// "0", "1", or "X" for some of both.
Result<void> show_group(SeqFile& out, void* system) {
    bool has_on = false, has_off = false;
    for (const trace::Event& event : trace::all_events()) {
        if (!belongs(event, static_cast<const char*>(system))) continue;
        (event.enabled.load() ? has_on : has_off) = true;
    }
    out.print("%s\n", has_on && has_off ? "X" : has_on ? "1" : "0");
    return {};
}
Result<void> store_group(std::string_view text, void* system) {
    const bool on = TRY(parse_switch(text));
    for (trace::Event& event : trace::all_events()) {
        if (belongs(event, static_cast<const char*>(system))) event.set_enabled(on);
    }
    return {};
}
constexpr TextNode kGroupEnable{"enable", 0644, show_group, store_group};

Result<void> show_available(SeqFile& out, void*) {
    for (const trace::Event& event : trace::all_events()) {
        out.print("%s:%s\n", event.system, event.name);
    }
    return {};
}

Result<void> show_set(SeqFile& out, void*) {
    for (const trace::Event& event : trace::all_events()) {
        if (event.enabled.load()) out.print("%s:%s\n", event.system, event.name);
    }
    return {};
}

/// Patterns between white space; one that begins with "!" switches off. An empty line switches all
/// off, as `> set_event` does in Linux.
Result<void> store_set(std::string_view text, void*) {
    text = trim(text);
    if (text.empty()) {
        trace::set_events("*:*", false);
        return {};
    }
    while (!text.empty()) {
        const usize end = std::min(text.find_first_of(" \t\n"), text.size());
        std::string_view pattern = text.substr(0, end);
        const bool on = pattern.front() != '!';
        if (!on) pattern.remove_prefix(1);
        if (pattern.empty() || !trace::set_events(pattern, on)) return EINVAL;
        text = trim(text.substr(end));
    }
    return {};
}

// --- the whole
// ------------------------------------------------------------------------------------

Result<void> show_tracing_on(SeqFile& out, void*) {
    out.print("%d\n", trace::tracing_on.load() ? 1 : 0);
    return {};
}
Result<void> store_tracing_on(std::string_view text, void*) {
    trace::tracing_on.store(TRY(parse_switch(text)));
    return {};
}
Result<void> show_stats(SeqFile& out, void* number) {
    const auto cpu = static_cast<unsigned>(reinterpret_cast<u64>(number));
    out.print("entries: %lu\noverrun: %lu\n", trace::waiting_records(cpu),
              trace::lost_records(cpu));
    return {};
}

constexpr TextNode kTopFiles[] = {{"available_events", 0444, show_available},
                                  {"set_event", 0644, show_set, store_set},
                                  {"tracing_on", 0644, show_tracing_on, store_tracing_on}};
constexpr TextNode kTrace{"trace", 0644, nullptr}, kTracePipe{"trace_pipe", 0444, nullptr};
constexpr TextNode kTracePipeRaw{"trace_pipe_raw", 0444, nullptr};
constexpr TextNode kStats{"stats", 0444, show_stats};

Result<void> add_event(Node& events, trace::Event& event) {
    Node* system = tree.find(events, event.system);
    if (!system) {
        system = TRY(tree.add_dir(events, event.system));
        TRY(tree.add_text(*system, kGroupEnable, const_cast<char*>(event.system)));
    }
    Node& dir = *TRY(tree.add_dir(*system, event.name));
    for (const TextNode& file : kEventFiles) TRY(tree.add_text(dir, file, &event));
    return {};
}

Result<void> add_cpu(Node& per_cpu, unsigned cpu) {
    char name[8];
    const usize length = format_to(name, "cpu%u", cpu);
    Node& dir = *TRY(tree.add_dir(per_cpu, {name, length}));
    void* number = reinterpret_cast<void*>(u64{cpu});
    TRY(tree.add_text(dir, kStats, number));
    return tree.add_file(dir, kTracePipeRaw, trace_pipe_raw_ops(), number);
}

Result<void> populate() {
    for (const TextNode& file : kTopFiles) TRY(tree.add_text(tree.root(), file));
    TRY(tree.add_file(tree.root(), kTrace, trace_ops()));
    TRY(tree.add_file(tree.root(), kTracePipe, trace_pipe_ops()));
    Node& events = *TRY(tree.add_dir(tree.root(), "events"));
    TRY(tree.add_text(events, kGroupEnable));
    for (trace::Event& event : trace::all_events()) TRY(add_event(events, event));
    Node& per_cpu = *TRY(tree.add_dir(tree.root(), "per_cpu"));
    for (u64 bits = possible_cpus.bits(); bits != 0; bits &= bits - 1) {
        TRY(add_cpu(per_cpu, unsigned(__builtin_ctzll(bits))));
    }
    return {};
}

constexpr libfs::TreeFileSystem kTracefs{"tracefs", tree, abi::TRACEFS_MAGIC, populate};

Result<Ref<fs::SuperBlock>> mount_tracefs(std::string_view, u32, std::string_view) {
    return libfs::mount_tree(kTracefs);
}

FILE_SYSTEM(tracefs) = {.name = "tracefs", .mount = mount_tracefs};

}  // namespace
}  // namespace tracefs
