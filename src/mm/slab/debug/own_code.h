/// Whether code belongs to the allocator: then its caller is the one of interest.
#pragma once

#include "core/log/panic.h"

namespace mm {

inline bool is_own_code(u64 address) {
    const std::string_view name = find_symbol(address).name;
    for (const char* own : {"debug_alloc", "debug_free", "alloc_slow", "free_slow", "kmem_cache_",
                            "kmalloc", "kfree", "krealloc", "kvmalloc", "kvfree", "::take("}) {
        if (name.find(own) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace mm
