/// The entries of an area, one for each page that has one: for files that count its pages.
#pragma once

#include "vm/huge/huge.h"

namespace procfs {

/// Calls `body(entry, is_huge)` for each; a part of a huge entry is shown as a small one. While it
/// runs no page behind the entry is freed. mmap_lock is held.
template <class Body>
void for_each_entry(vm::MmStruct& mm, const vm::VmArea& area, Body body) {
    VirtAddr at = area.start;
    while (const vm::LeafSpan span = vm::next_leaf(mm, at, area.end, vm::Huge::Peek)) {
        IrqGuard guard(mm.page_table_lock);
        for (usize i = 0; i < span.count; i++) {
            const vm::Pte entry = span.huge ? vm::user_entry(mm, span.at + i * kPageSize)
                                            : vm::read_pte(&span.first[i]);
            body(entry, span.huge);
        }
        at = span.end();
    }
}

}  // namespace procfs
