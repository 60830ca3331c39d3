/// kmap(): a kernel address for any page. On this machine every page has one, in the direct map, so
/// nothing is mapped; but callers that say where they begin and end can be read, and counted, like
/// those of machines that have more memory than addresses. Linux: include/linux/highmem.h.
#pragma once

#include "mm/page.h"
#include "mm/vm_stat.h"

namespace mm {

extern u64 kmap_depth;  // per-CPU; kmaps less kunmaps made there

/// For long; may sleep on other machines. kunmap() by whomever.
inline void* kmap(const Page& page) {
    arch::this_cpu_add(kmap_depth, 1);
    return bytes_of<void>(page);
}
inline void kunmap(const Page&) { arch::this_cpu_sub(kmap_depth, 1); }

/// For a moment, by the same task, in any context; the last mapped is unmapped first.
inline void* kmap_local(const Page& page) {
    arch::this_cpu_add(kmap_depth, 1);
    return bytes_of<void>(page);
}
inline void kunmap_local(const void*) { arch::this_cpu_sub(kmap_depth, 1); }

/// How many pages are mapped now.
u64 kmap_count();

}  // namespace mm
