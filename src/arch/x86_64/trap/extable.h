/// The exception table: the kernel's instructions that are allowed to fault, and where each goes on
/// if it does. MAY_FAULT in user_copy.S makes the entries; the linker collects them between
/// __extable_start and __extable_end. Private to arch/x86_64.
#pragma once

#include <span>

#include "arch/trap_frame.h"

namespace arch {

struct ExtableEntry {
    u64 at;      // address of the instruction that may fault
    u64 resume;  // where it goes on then
};

/// Puts entries into the order of `at`, as search_extable() wants them.
void sort_extable(std::span<ExtableEntry> table);

/// The entry for the instruction at `rip`, or null. `table` is sorted.
const ExtableEntry* search_extable(std::span<const ExtableEntry> table, u64 rip);

/// Sorts the kernel's own table. Boot, while read-only data can still be written.
void init_extable();

/// True if the interrupted instruction is one that may fault.
bool is_expected_fault(const TrapFrame& frame);

/// If the interrupted instruction may fault, lets it resume where its entry says, and returns true.
bool fixup_exception(TrapFrame& frame);

}  // namespace arch
