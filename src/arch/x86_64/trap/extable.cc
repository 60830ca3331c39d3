// Faults that the kernel expects. See extable.h. Linux: mm/extable.c, kernel/extable.c.

#include "arch/x86_64/trap/extable.h"

#include "lib/sort.h"

namespace arch {

extern "C" ExtableEntry __extable_start[];  // kernel.ld; constant after the boot
extern "C" ExtableEntry __extable_end[];

namespace {

/// Not by a difference of the two pointers: to the compiler they are unrelated objects.
std::span<ExtableEntry> kernel_table() {
    const u64 bytes = reinterpret_cast<u64>(__extable_end) - reinterpret_cast<u64>(__extable_start);
    return {__extable_start, bytes / sizeof(ExtableEntry)};
}

}  // namespace

void sort_extable(std::span<ExtableEntry> table) {
    sort(table, [](const ExtableEntry& a, const ExtableEntry& b) { return a.at < b.at; });
}

const ExtableEntry* search_extable(std::span<const ExtableEntry> table, u64 rip) {
    usize low = 0, high = table.size();  // the entry, if there is one, lies in [low, high)
    while (low < high) {
        const usize middle = low + (high - low) / 2;
        if (table[middle].at == rip) return &table[middle];
        if (table[middle].at < rip) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return nullptr;
}

void init_extable() { sort_extable(kernel_table()); }

bool is_expected_fault(const TrapFrame& frame) {
    return search_extable(kernel_table(), frame.rip) != nullptr;
}

bool fixup_exception(TrapFrame& frame) {
    const ExtableEntry* const entry = search_extable(kernel_table(), frame.rip);
    if (entry == nullptr) return false;
    frame.rip = entry->resume;
    return true;
}

}  // namespace arch
