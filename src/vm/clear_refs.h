/// Forgetting what was used or written, so that later one can see what was since: what writing a
/// number to /proc/<pid>/clear_refs does. Linux: fs/proc/task_mmu.c, clear_refs_write().
#pragma once

#include "vm/mm_struct.h"

namespace vm {

/// The numbers are Linux'.
enum class ClearRefs : u8 {
    All = 1,        // the accessed marks of all pages
    Anonymous = 2,  // … of those in areas without a file
    File = 3,       // … with one
    SoftDirty = 4,  // the soft-dirty marks: entries become read-only, so that writes are seen again
    PeakRss = 5,    // the high-water mark of the resident pages
};

/// Takes mmap_lock. May sleep.
void clear_refs(MmStruct& mm, ClearRefs what);

}  // namespace vm
