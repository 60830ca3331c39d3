/// Free pages of a debug build hold a pattern; whoever allocates one looks whether it still does.
/// So a write to a page that has been freed is noticed, late, but whoever made it: a device,
/// assembly, code that KASAN does not check. With KASAN there is none: accesses are caught when
/// they happen. In other builds all this is nothing at all. Linux: page_poison=1, mm/page_poison.c.
#pragma once

#include "lib/debug.h"
#include "lib/kasan.h"
#include "mm/page.h"

namespace mm {

inline constexpr bool kPoisonsPages = kDebugBuild && !kKasan;
inline constexpr u8 kPagePoison = 0xaa;

// mm/poison/ defines these.
void poison_free_pages(Page& page, unsigned order);
void check_free_pages(Page& page, unsigned order);
/// How many pages were found that somebody had written to.
u64 corrupted_pages();

/// 2^order pages are about to become free.
[[gnu::always_inline]] inline void page_poison_free([[maybe_unused]] Page& page,
                                                    [[maybe_unused]] unsigned order) {
    if constexpr (kPoisonsPages) poison_free_pages(page, order);
}
/// They were free until now.
[[gnu::always_inline]] inline void page_poison_alloc([[maybe_unused]] Page& page,
                                                     [[maybe_unused]] unsigned order) {
    if constexpr (kPoisonsPages) check_free_pages(page, order);
}

}  // namespace mm
