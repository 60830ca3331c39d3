// Probes of what the allocators' fast paths cost. For a running kernel only.
//
//   mm_page_cost    in: nothing. out, in instructions (cost.h): u64 for one alloc_page() that finds
//   a
//                   page on its processor's list, u64 for the put_page() that puts it back (from
//                   the call to the return, less what the caller's loop takes), u64 for both, on
//                   average over many pages, with what it takes to fill and empty the list
//   mm_slab_cost    the same of kmem_cache_alloc() and kmem_cache_free(), for objects of 64 bytes

#include "core/percpu/preempt.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "init/probes/cost.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

namespace probes {
namespace {

using mm::Page;

/// Hides from the compiler what the value is: it makes no copy of a function for constants.
template <class T>
[[gnu::always_inline]] inline T opaque(T value) {
    asm volatile("" : "+r"(value));
    return value;
}

/// Functions that do nothing, but are called alike: what the loop costs. With the instructions that
/// they take themselves.
constexpr u64 kOwnAlloc = 4, kOwnFree = 1;
[[gnu::noinline]] Result<Page*> alloc_nothing(mm::Gfp gfp) {
    asm volatile("" : : "r"(gfp));
    return static_cast<Page*>(nullptr);
}
[[gnu::noinline]] void put_nothing(Page& page) { asm volatile("" : : "r"(&page)); }

constexpr u64 kOwnObject = 2;
[[gnu::noinline]] void* object_of_nothing(mm::KmemCache& cache, mm::Gfp gfp) {
    void* something;
    asm volatile("mov $8, %0" : "=r"(something) : "r"(&cache), "r"(gfp));
    return something;
}
[[gnu::noinline]] void free_nothing(mm::KmemCache& cache, void* object) {
    asm volatile("" : : "r"(&cache), "r"(object));
}

template <auto Call>
Result<Page*> page() {
    return Call(opaque(mm::Gfp::Kernel));
}
template <auto Call>
void put(Page* page) {
    Call(*page);
}

constinit mm::KmemCache cost_cache("probe_cost", 64, 8);
template <auto Call>
Result<void*> object() {
    void* const made = Call(*opaque(&cost_cache), opaque(mm::Gfp::Kernel));
    if (made == nullptr) return ENOMEM;
    return made;
}
template <auto Call>
void drop(void* object) {
    Call(*opaque(&cost_cache), object);
}

Result<usize> answer(std::span<std::byte> out, const Cost& whole, const Cost& loop, const Cost& own,
                     u64 average) {
    ByteWriter writer(out);
    writer.put(whole.alloc - loop.alloc + own.alloc);
    writer.put(whole.free - loop.free + own.free);
    writer.put(average);
    return writer.result();
}

Result<usize> page_cost(std::span<const std::byte>, std::span<std::byte> out) {
    auto* const pages = scratch<Things<Page>>(out);
    if (pages == nullptr) return ENOMEM;
    PreemptGuard stay_here;
    const Cost whole = measure_few<Page, page<mm::alloc_page>, put<mm::put_page>>(*pages);
    const Cost loop = measure_few<Page, page<alloc_nothing>, put<put_nothing>>(*pages);
    const u64 average = TRY((measure_many<Page, page<mm::alloc_page>, put<mm::put_page>>(*pages)));
    return answer(out, whole, loop, {.alloc = kOwnAlloc, .free = kOwnFree}, average);
}

Result<usize> slab_cost(std::span<const std::byte>, std::span<std::byte> out) {
    using mm::kmem_cache_alloc, mm::kmem_cache_free;
    auto* const objects = scratch<Things<void>>(out);
    if (objects == nullptr) return ENOMEM;
    PreemptGuard stay_here;
    const Cost whole = measure_few<void, object<kmem_cache_alloc>, drop<kmem_cache_free>>(*objects);
    const Cost loop = measure_few<void, object<object_of_nothing>, drop<free_nothing>>(*objects);
    const u64 average =
        TRY((measure_many<void, object<kmem_cache_alloc>, drop<kmem_cache_free>>(*objects)));
    return answer(out, whole, loop, {.alloc = kOwnObject, .free = kOwnFree}, average);
}

PROBE(mm_page_cost) = {.name = "mm_page_cost", .run = page_cost};
PROBE(mm_slab_cost) = {.name = "mm_slab_cost", .run = slab_cost};

}  // namespace
}  // namespace probes
