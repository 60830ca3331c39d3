// Probe of lab 05-slab: caches that live from one question to the next, so that the grader can stop
// the machine in between and look at them in memory. For a running kernel only.
//
//   slab_caches     in: orders, each u8 what (Order), u8 cache, u16 processor, u32 n, u64 x, u64 y;
//                   those that take a list have n words behind them.
//                   out: for each order u32 n and n words
//
// An order runs on its processor, in process context. Addresses that come in must lie in slabs.

#include <atomic>

#include "core/percpu/preempt.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "init/probes/slab_races.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/internal.h"
#include "sched/sched.h"

namespace probes {
namespace {

using mm::Gfp;
using mm::KmemCache;

enum Order : u8 {
    kCreate,    // x bytes, y alignment | flags << 32; n: constructor (kCtors). Facts.
    kAlloc,     // n objects, x (How). Addresses, up to the first that is 0.
    kFree,      // list of addresses
    kShrink,    // pages given back
    kDestroy,   // errno
    kHurt,      // n bytes from x on become y
    kValidate,  // bad objects
    kStats,     // sum_of() for each SlabStat
    kInPieces,  // from now on as if there were no blocks of the order it wants
    kRuns,      // how often the constructor has run
    kKmalloc,   // x bytes, n times. Addresses, or 0, each with ksize().
    kKfree,     // x
    kKrealloc,  // x becomes y bytes. Address, ksize().
    kCost,      // n pairs of alloc and free, one by one. Ticks.
    kBatches,   // x batches of n objects, taken and then given back. Ticks.
    kRaces,     // n rounds. Objects handed out twice, rounds in which an interrupt came between.
    kStorm,     // n steps on each processor. Objects handed out twice, left.
    kExhaust,   // all memory, then all given back. Objects that there were.
};
enum How : u64 { kNormal, kAtomic, kZeroed };

constexpr usize kCaches = 8, kMost = 4096;
constinit KmemCache* caches[kCaches]{};
constinit u64 constructed = 0;
constinit std::atomic<bool> busy{false};

void construct(void* object) {
    constructed++;
    *static_cast<u64*>(object) = kConstructed;
}

constexpr KmemCache::Ctor kCtors[] = {nullptr, construct,
                                      [](void* object) { *static_cast<u64*>(object) = 0; }};

struct Question {
    u8 what;
    u8 cache;
    u16 cpu;
    u32 n;
    u64 x, y;
};

/// Whether it is in the direct map, in a slab.
bool is_in_slab(u64 at) {
    if (at < arch::kDirectMap.raw()) return false;
    const Pfn pfn = pfn_of(PhysAddr(at - arch::kDirectMap.raw()));
    return mm::has_page(pfn) && mm::compound_head(mm::page_of(pfn)).has(mm::kPageSlab);
}

template <class... Words>
void put_words(ByteWriter& answer, Words... words) {
    answer.put(u32(sizeof...(words)));
    (answer.put(u64(words)), ...);
}

/// Where the grader finds everything; fields of the cache as they are now.
void put_facts(ByteWriter& answer, KmemCache& cache) {
    mm::KmemCacheNode& node = cache.node[0];
    answer.put(u32(14 + 4));
    for (const u64 word :
         {u64{0}, reinterpret_cast<u64>(&cache), reinterpret_cast<u64>(&node.partial),
          reinterpret_cast<u64>(&node.nr_partial), reinterpret_cast<u64>(&node.nr_slabs),
          u64{cache.size}, u64{cache.objects}, u64{cache.order}, u64{cache.min_order},
          u64{cache.offset}, u64{cache.inuse}, u64{cache.red_left_pad}, u64{cache.min_partial},
          u64{cache.cpu_partial_slabs}}) {
        answer.put(word);
    }
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        const bool is = possible_cpus.has(cpu);
        answer.put(is ? reinterpret_cast<u64>(&per_cpu(*cache.cpu_slab.load(), cpu)) : u64{0});
    }
}

void create(const Question& q, ByteWriter& answer) {
    const auto flags = static_cast<mm::SlabFlags>(u32(q.y >> 32)) | mm::SlabFlags::NoMerge;
    Result<KmemCache*> made =
        mm::kmem_cache_create("scratch", q.x, u32(q.y), flags, kCtors[q.n % 3]);
    if (!made.ok()) return put_words(answer, u64(made.error()));
    caches[q.cache] = made.value();
    put_facts(answer, *made.value());
}

void alloc(const Question& q, KmemCache& cache, ByteWriter& answer) {
    Gfp gfp = q.x == kAtomic ? Gfp::Atomic | Gfp::NoWarn : Gfp::Kernel;
    if (q.x == kZeroed) gfp = gfp | Gfp::Zero;
    answer.put(q.n);
    bool more = true;
    for (u32 i = 0; i < q.n; i++) {
        void* const object = more ? mm::kmem_cache_alloc(cache, gfp) : nullptr;
        more = object != nullptr;
        answer.put(reinterpret_cast<u64>(object));
    }
}

Result<void> free_list(const Question& q, KmemCache& cache, ByteReader& input) {
    for (u32 i = 0; i < q.n; i++) {
        const auto at = input.take<u64>();
        if (!input.ok() || !is_in_slab(at)) return EFAULT;
        mm::kmem_cache_free(cache, reinterpret_cast<void*>(at));
    }
    return {};
}

Result<void> answer_kmalloc(const Question& q, ByteWriter& answer) {
    if (q.what == kKfree) {
        mm::kfree(reinterpret_cast<void*>(q.x));
        answer.put(u32{0});
        return {};
    }
    answer.put(2 * q.n);
    for (u32 i = 0; i < q.n; i++) {
        Result<void*> got = q.what == kKmalloc ? mm::kmalloc(q.x, Gfp::Kernel | Gfp::NoWarn)
                                               : mm::krealloc(reinterpret_cast<void*>(q.x), q.y,
                                                              Gfp::Kernel | Gfp::NoWarn);
        void* const memory = got.ok() ? got.value() : nullptr;
        answer.put(reinterpret_cast<u64>(memory));
        answer.put(u64{mm::ksize(memory)});
    }
    return {};
}

/// Orders that need a cache. EINVAL: there is none.
Result<void> answer_cache(const Question& q, ByteReader& input, ByteWriter& answer) {
    if (caches[q.cache] == nullptr) return EINVAL;
    KmemCache& cache = *caches[q.cache];
    switch (q.what) {
    case kAlloc: alloc(q, cache, answer); return {};
    case kFree: answer.put(u32{0}); return free_list(q, cache, input);
    case kShrink: put_words(answer, mm::kmem_cache_shrink(cache)); return {};
    case kDestroy: put_words(answer, errno_of(mm::kmem_cache_destroy(cache))); return {};
    case kHurt:
        if (!is_in_slab(q.x) || !is_in_slab(q.x + q.n)) return EFAULT;
        memset(reinterpret_cast<void*>(q.x), int(q.y), q.n);
        answer.put(u32{0});
        return {};
    case kValidate: put_words(answer, mm::validate_cache(cache)); return {};
    case kStats:
        answer.put(u32(mm::kSlabStats));
        for (u8 i = 0; i < mm::kSlabStats; i++) {
            answer.put(mm::sum_of(cache, static_cast<mm::SlabStat>(i)));
        }
        return {};
    case kInPieces:
        cache.order = mm::kMaxOrder + 1;
        answer.put(u32{0});
        return {};
    case kCost: put_words(answer, cost_of_pairs(cache, q.n)); return {};
    case kBatches: put_words(answer, cost_of_batches(cache, q.n, u32(q.x))); return {};
    case kRaces: {
        const Races races = run_races(cache, q.n);
        put_words(answer, races.twice, races.between);
        return {};
    }
    case kStorm: {
        const u64 twice = run_storm_on_all(cache, q.n);
        put_words(answer, twice, cache.stats().objects_in_use);
        return {};
    }
    case kExhaust: put_words(answer, exhaust(cache)); return {};
    default: return EINVAL;
    }
}

Result<void> answer_one(const Question& q, ByteReader& input, ByteWriter& answer) {
    if (q.cache >= kCaches || q.n > kMost * 4 || q.cpu >= kMaxCpus) return EINVAL;
    if (!online_cpus.has(q.cpu)) return EINVAL;
    TRY(sched::set_cpus_allowed(sched::current(), u64{1} << q.cpu));
    if (q.what == kCreate) {
        create(q, answer);
        return {};
    }
    if (q.what == kRuns) {
        put_words(answer, constructed);
        return {};
    }
    if (q.what >= kKmalloc && q.what <= kKrealloc) return answer_kmalloc(q, answer);
    return answer_cache(q, input, answer);
}

Result<usize> run_caches(std::span<const std::byte> in, std::span<std::byte> out) {
    if (busy.exchange(true)) return EBUSY;
    const u64 old_cpus = sched::current().cpus_allowed;
    ByteReader input(in);
    ByteWriter answer(out);
    Result<void> done{};
    while (done.ok() && input.left() > 0) {
        const Question q{.what = input.take<u8>(),
                         .cache = input.take<u8>(),
                         .cpu = input.take<u16>(),
                         .n = input.take<u32>(),
                         .x = input.take<u64>(),
                         .y = input.take<u64>()};
        done = input.ok() ? answer_one(q, input, answer) : EINVAL;
    }
    (void)sched::set_cpus_allowed(sched::current(), old_cpus).ok();
    busy = false;
    if (!done.ok()) return done.error();
    return answer.result();
}

PROBE(caches) = {.name = "slab_caches", .run = run_caches};

}  // namespace
}  // namespace probes
