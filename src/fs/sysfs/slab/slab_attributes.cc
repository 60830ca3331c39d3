// What the files of a cache's directory say. Names and forms as on Linux (its
// Documentation/ABI/testing/sysfs-kernel-slab).

#include "core/log/panic.h"
#include "fs/sysfs/slab/slab.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/internal.h"

namespace sysfs {

namespace {

using libfs::SeqFile;
using mm::KmemCache;
using mm::SlabFlags;

/// Of all nodes together, and of each: there is one.
void print_by_node(SeqFile& out, u64 count) {
    out.print("%lu", count);
    if (count != 0) out.print(" N0=%lu", count);
    out.print("\n");
}

u64 partial_slabs(KmemCache& cache) {
    u64 count = 0;
    for (mm::KmemCacheNode& node : cache.root->node) {
        IrqGuard guard(node.list_lock);
        count += node.nr_partial;
    }
    return count;
}

/// Slabs that processors hold; they come and go meanwhile.
u64 cpu_slabs(KmemCache& cache) {
    u64 count = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        mm::KmemCacheCpu& its = per_cpu(*cache.cpu_slab.load(std::memory_order_relaxed), cpu);
        count += std::atomic_ref(its.slab).load(std::memory_order_relaxed) != nullptr;
        count += std::atomic_ref(its.partial_slabs).load(std::memory_order_relaxed);
    });
    return count;
}

template <SlabFlags kFlag>
void show_flag(SeqFile& out, KmemCache& cache) {
    out.print("%u\n", has(cache.root->flags, kFlag) ? 1u : 0u);
}

void show_ctor(SeqFile& out, KmemCache& cache) {
    if (cache.ctor == nullptr) return;
    const Symbol symbol = find_symbol(reinterpret_cast<u64>(cache.ctor));
    out.print("%s+0x%lx/0x%lx\n", symbol.name, symbol.offset, symbol.size);
}

/// Both take "1" only.
Result<void> store_shrink(KmemCache& cache, std::string_view text) {
    if (text != "1") return EINVAL;
    mm::kmem_cache_shrink(cache);
    return {};
}
Result<void> store_validate(KmemCache& cache, std::string_view text) {
    if (text != "1") return EINVAL;
    if (!is_debugged(*cache.root)) return EINVAL;
    mm::validate_cache(*cache.root);
    return {};
}
void show_nothing(SeqFile&, KmemCache&) {}

// clang-format off
constexpr SlabAttribute kAttributes[] = {
    {"object_size",     0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.object_size); }},
    {"slab_size",       0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.root->size); }},
    {"objs_per_slab",   0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.root->objects); }},
    {"order",           0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.root->order); }},
    {"align",           0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.root->align); }},
    {"min_partial",     0444, [](SeqFile& out, KmemCache& c) { out.print("%u\n", c.root->min_partial); }},
    {"cpu_partial",     0444, [](SeqFile& out, KmemCache& c) {
         out.print("%u\n", c.root->cpu_partial_slabs * c.root->objects / 2);
     }},
    {"objects",         0444, [](SeqFile& out, KmemCache& c) { print_by_node(out, c.stats().objects_in_use); }},
    {"total_objects",   0444, [](SeqFile& out, KmemCache& c) { print_by_node(out, c.stats().objects_total); }},
    {"slabs",           0444, [](SeqFile& out, KmemCache& c) { print_by_node(out, c.stats().slabs); }},
    {"partial",         0444, [](SeqFile& out, KmemCache& c) { print_by_node(out, partial_slabs(c)); }},
    {"cpu_slabs",       0444, [](SeqFile& out, KmemCache& c) { print_by_node(out, cpu_slabs(c)); }},
    {"aliases",         0444, [](SeqFile& out, KmemCache& c) { out.print("%d\n", c.root->refcount - 1); }},
    {"ctor",            0444, show_ctor},
    {"sanity_checks",   0444, show_flag<SlabFlags::ConsistencyChecks>},
    {"red_zone",        0444, show_flag<SlabFlags::RedZone>},
    {"poison",          0444, show_flag<SlabFlags::Poison>},
    {"store_user",      0444, show_flag<SlabFlags::StoreUser>},
    {"hwcache_align",   0444, show_flag<SlabFlags::HwcacheAlign>},
    {"reclaim_account", 0444, show_flag<SlabFlags::ReclaimAccount>},
    {"destroy_by_rcu",  0444, show_flag<SlabFlags::TypesafeByRcu>},
    {"shrink",          0644, show_nothing, store_shrink},
    {"validate",        0644, show_nothing, store_validate},
};

constexpr const char* kStatNames[] = {
    "alloc_fastpath", "alloc_slowpath", "free_fastpath", "free_slowpath", "free_frozen",
    "free_add_partial", "free_remove_partial", "alloc_from_partial", "alloc_slab", "alloc_refill",
    "free_slab", "cpuslab_flush", "deactivate_full", "deactivate_empty", "deactivate_to_head",
    "deactivate_to_tail", "deactivate_remote_frees", "deactivate_bypass", "order_fallback",
    "cmpxchg_double_cpu_fail", "cmpxchg_double_fail", "cpu_partial_alloc", "cpu_partial_free",
    "cpu_partial_node", "cpu_partial_drain",
};
// clang-format on
static_assert(std::size(kStatNames) == mm::kSlabStats);

}  // namespace

std::span<const SlabAttribute> slab_attributes() { return kAttributes; }

const char* slab_stat_name(usize which) { return kStatNames[which]; }

void show_slab_stat(SeqFile& out, KmemCache& cache, usize which) {
    out.print("%lu", sum_of(cache, static_cast<mm::SlabStat>(which)));
    mm::KmemCacheCpu& slot = *cache.cpu_slab.load(std::memory_order_relaxed);
    for (u64 bits = possible_cpus.bits(); bits != 0; bits &= bits - 1) {
        const unsigned cpu = unsigned(__builtin_ctzll(bits));
        const u32 its = std::atomic_ref(per_cpu(slot, cpu).stat[which]).load();
        if (its != 0) out.print(" C%u=%u", cpu, its);
    }
    out.print("\n");
}

}  // namespace sysfs
