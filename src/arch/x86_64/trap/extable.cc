// LAB FILE (02-traps): faults that the kernel expects. Linux: mm/extable.c, kernel/extable.c.
//
// Addresses that programs pass may lead nowhere. To look them up before each copy would be slow,
// and wrong a moment later; so the kernel just copies, and the few instructions that do are listed
// here, each with the place where it goes on after a fault. See extable.h.

#include "arch/x86_64/trap/extable.h"

#include "lib/lab.h"
#include "lib/sort.h"

namespace arch {

extern "C" ExtableEntry __extable_start[];  // kernel.ld; constant after the boot
extern "C" ExtableEntry __extable_end[];

namespace {

/// Not by a difference of the two pointers: to the compiler they are unrelated objects.
[[maybe_unused]] std::span<ExtableEntry> kernel_table() {
    const u64 bytes = reinterpret_cast<u64>(__extable_end) - reinterpret_cast<u64>(__extable_start);
    return {__extable_start, bytes / sizeof(ExtableEntry)};
}

}  // namespace

/// LAB traps, task 3 "Fixups" (handouts/02-traps.md). Write the body.
///   Before  the linker has put the entries into any order; no two have the same `at`.
///   After   the same entries stand in ascending order of `at`.
///   Use     sort() of lib/sort.h, or an algorithm of your own.
///   Check   `make grade LAB=traps T=extable`
///   Think   the table is read-only later. When is this called?
void sort_extable(std::span<ExtableEntry> table) {
#ifdef SOLVED_TRAPS
    sort(table, [](const ExtableEntry& a, const ExtableEntry& b) { return a.at < b.at; });
#else
    lab_todo("traps", "sort_extable");
#endif
}

/// LAB traps, task 3 "Fixups" (handouts/02-traps.md). Write the body.
///   Before  `table` is sorted, and may be empty.
///   After   the entry whose `at` is exactly `rip`, or null.
///   Use     a binary search: this runs whenever a program passes a page that is not there yet.
///   Check   `make grade LAB=traps T=extable`
///   Think   what is true of [low, high) before and after each round? When is it empty?
const ExtableEntry* search_extable(std::span<const ExtableEntry> table, u64 rip) {
#ifdef SOLVED_TRAPS
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
#else
    lab_todo("traps", "search_extable");
#endif
}

void init_extable() { sort_extable(kernel_table()); }

bool is_expected_fault(const TrapFrame& frame) {
    return search_extable(kernel_table(), frame.rip) != nullptr;
}

/// LAB traps, task 3 "Fixups" (handouts/02-traps.md). Write the body.
///   Before  an instruction of the kernel has faulted; its registers are in `frame`.
///   After   if it is in the kernel's table, the frame resumes where its entry says, all other
///           registers as they were, and the result is true. Else nothing changed, and it is false.
///   Use     search_extable(), kernel_table().
///   Check   `make grade LAB=traps T="extable or copies"`
///   Think   who turns this into EFAULT, and how does it know how much was copied?
bool fixup_exception(TrapFrame& frame) {
#ifdef SOLVED_TRAPS
    const ExtableEntry* const entry = search_extable(kernel_table(), frame.rip);
    if (entry == nullptr) return false;
    frame.rip = entry->resume;
    return true;
#else
    lab_todo("traps", "fixup_exception");
#endif
}

}  // namespace arch
