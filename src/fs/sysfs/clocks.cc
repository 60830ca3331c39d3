// Clock sources, of which one may be chosen by writing its name, and each processor's clock event
// device. Linux: kernel/time/clocksource.c, kernel/time/clockevents.c.

#include "fs/sysfs/clocks.h"

#include "core/percpu/percpu.h"
#include "core/time/clockevents.h"
#include "core/time/clocksource.h"

namespace sysfs {

namespace {

using libfs::Node;
using libfs::SeqFile;
using libfs::TextNode;

Result<void> show_available(SeqFile& out, void*) {
    constexpr usize kMost = 16;
    struct Names {
        const char* list[kMost];
        usize count;
    } names{};
    // Collected first: writing may need memory, and the list is locked.
    time::for_each_clocksource(
        [](time::Clocksource& source, void* to) {
            auto& names = *static_cast<Names*>(to);
            const bool usable = !(source.flags & time::kClockUnstable);
            if (usable && names.count < kMost) names.list[names.count++] = source.name;
        },
        &names);
    for (usize i = 0; i < names.count; i++) out.print("%s ", names.list[i]);
    out.print("\n");
    return {};
}

Result<void> show_current(SeqFile& out, void*) {
    out.print("%s\n", time::current_clocksource()->name);
    return {};
}

Result<void> store_current(std::string_view text, void*) {
    if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (text.empty()) return EINVAL;
    return time::clocksource_override(text);
}

Result<void> show_device(SeqFile& out, void* cpu) {
    const time::ClockEventDevice* device = time::tick_device(unsigned(reinterpret_cast<u64>(cpu)));
    if (device != nullptr) out.print("%s\n", device->name);
    return {};
}

constexpr TextNode kSourceFiles[] = {
    {"available_clocksource", 0444, show_available},
    {"current_clocksource", 0644, show_current, store_current},
};
constexpr TextNode kCurrentDevice{"current_device", 0444, show_device};

}  // namespace

Result<void> add_clocks(libfs::Tree& tree, Node& system) {
    Node& source = *TRY(tree.add_dir(*TRY(tree.add_dir(system, "clocksource")), "clocksource0"));
    for (const TextNode& file : kSourceFiles) TRY(tree.add_text(source, file));
    Node& events = *TRY(tree.add_dir(system, "clockevents"));
    for (u64 bits = possible_cpus.bits(); bits != 0; bits &= bits - 1) {
        const u64 cpu = u64(__builtin_ctzll(bits));
        char name[24];
        const usize length = format_to(name, "clockevent%u", cpu);
        Node& dir = *TRY(tree.add_dir(events, {name, length}));
        TRY(tree.add_text(dir, kCurrentDevice, reinterpret_cast<void*>(cpu)));
    }
    return {};
}

}  // namespace sysfs
