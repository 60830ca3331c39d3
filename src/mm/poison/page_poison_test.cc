// A write to a free page is noticed by whoever gets the page next.

#include "mm/page_poison.h"
#include "core/percpu/preempt.h"
#include "lib/test.h"
#include "mm/page_alloc.h"

namespace mm {

namespace {

/// Whether `page`, the last that this processor freed, can be had again; then it is allocated. It
/// is on the list of one of the migrate types.
bool get_again(const Page& page) {
    Page* others[3];
    usize count = 0;
    bool found = false;
    for (const Gfp type : {Gfp::None, Gfp::Movable, Gfp::Reclaimable}) {
        Page* const got = alloc_page(Gfp::Atomic | type).take();
        found = got == &page;
        if (found) break;
        others[count++] = got;
    }
    while (count > 0) free_pages(*others[--count], 0);
    return found;
}

}  // namespace

TEST(write_after_free, "mm.page_poison") {
    if constexpr (kPoisonsPages) {
        const PreemptGuard guard;  // the lists are this processor's
        Page& page = *alloc_page(Gfp::Atomic).take();
        const u64 before = corrupted_pages();
        free_pages(page, 0);
        REQUIRE(get_again(page));
        EXPECT(corrupted_pages() == before);
        free_pages(page, 0);
        *(bytes_of<volatile u8>(page) + 1234) = 1;
        REQUIRE(get_again(page));
        EXPECT(corrupted_pages() == before + 1);
        free_pages(page, 0);
    }
}

}  // namespace mm
