// Probes of lab 01-boot: descriptors and page tables.
//
//   boot_descriptors   in: u8 access, u8 flags, u64 base, u32 limit
//                      out: u64 segment descriptor, u64 low and u64 high half of a TSS descriptor
//   boot_cpu_tables    in: u8 fill, u64 IST tops (3)
//                      out: u64 address of the tables, then 64 bytes before them, the tables,
//                      64 bytes behind them; all held `fill` before
//   boot_table_index   in: pairs of u64 address, u32 level; out: for each u32 index
//   boot_page_tables   in: u32 frames that may be used, u32 n, n mappings (u64 va, pa, bytes,
//   flags)
//                      out: u32 errno of the first mapping that failed, u32 frames used, u64
//                      address of the root (frame i follows at root + (i + 1) * 4096), u32 entries,
//                      and those that are not 0: u16 table (0: root), u16 index, u64 value

#include <atomic>

#include "arch/layout.h"
#include "arch/x86_64/boot/early_map.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"

namespace probes {
namespace {

Result<usize> run_descriptors(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto access = input.take<u8>(), flags = input.take<u8>();
    const auto base = input.take<u64>();
    const auto limit = input.take<u32>();
    if (!input.ok() || flags > 15 || limit >= 1 << 20) return EINVAL;
    ByteWriter answer(out);
    answer.put(arch::segment_descriptor(access, flags));
    const arch::SystemDescriptor tss = arch::tss_descriptor(base, limit);
    answer.put(tss.low);
    answer.put(tss.high);
    return answer.result();
}

struct FencedTables {
    u8 before[64];
    arch::CpuTables tables;
    u8 after[64];
};

Result<usize> run_cpu_tables(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* fenced = scratch<FencedTables>(out);
    ByteReader input(in);
    const auto fill = input.take<u8>();
    const u64 ist_tops[3] = {input.take<u64>(), input.take<u64>(), input.take<u64>()};
    if (!input.ok() || fenced == nullptr) return EINVAL;
    memset(static_cast<void*>(fenced), fill, sizeof *fenced);
    arch::build_cpu_tables(fenced->tables, ist_tops);
    ByteWriter answer(out);
    answer.put(reinterpret_cast<u64>(&fenced->tables));
    answer.put_bytes(fenced, sizeof *fenced);
    return answer.result();
}

Result<usize> run_table_index(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    ByteWriter answer(out);
    while (input.left() > 0) {
        const auto va = input.take<u64>();
        const auto level = input.take<u32>();
        if (!input.ok() || level >= arch::kLevels) return EINVAL;
        answer.put(static_cast<u32>(arch::table_index(VirtAddr(va), level)));
    }
    return answer.result();
}

/// The frames that map_region() may use. An allocator has no argument that could lead here, so
/// there is one pool, and `busy` keeps a second caller out.
struct Pool {
    static constexpr u32 kFrames = 11;

    std::atomic<bool> busy;
    arch::PageTable* first;
    u32 limit, used;
};
constinit Pool pool{};

struct Tables {
    alignas(kPageSize) arch::PageTable root;
    arch::PageTable frames[Pool::kFrames];
};

Result<PhysAddr> take_frame() {
    if (pool.used == pool.limit) return ENOMEM;
    return arch::virt_to_phys(&pool.first[pool.used++]);
}

/// The result of the first mapping that fails, or of the last.
Result<void> map_all(ByteReader& input, u32 count, arch::PageTable& root) {
    for (u32 i = 0; i < count; i++) {
        const auto va = input.take<u64>(), pa = input.take<u64>();
        const auto bytes = input.take<u64>(), flags = input.take<u64>();
        if (!input.ok() || (va | pa | bytes) % kPageSize != 0) return EINVAL;
        TRY(arch::map_region(root, {VirtAddr(va), PhysAddr(pa), bytes, flags}, take_frame));
    }
    return {};
}

/// The entries in use of table number `number`, behind what `answer` holds already.
u32 put_entries(ByteWriter& answer, const arch::PageTable& table, u16 number) {
    u32 count = 0;
    for (u16 i = 0; i < arch::kEntries; i++) {
        if (table.entry[i].is_none()) continue;
        answer.put(number);
        answer.put(i);
        answer.put(table.entry[i].bits);
        count++;
    }
    return count;
}

Result<usize> run_page_tables(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* tables = scratch<Tables>(out);
    ByteReader input(in);
    const auto frames = input.take<u32>(), count = input.take<u32>();
    if (tables == nullptr || !input.ok() || frames > Pool::kFrames) return EINVAL;
    if (pool.busy.exchange(true)) return EBUSY;
    pool.first = tables->frames;
    pool.limit = frames;
    pool.used = 0;

    ByteWriter answer(out);
    answer.put(errno_of(map_all(input, count, tables->root)));
    answer.put(pool.used);
    answer.put(arch::virt_to_phys(&tables->root).raw());
    ByteWriter entries(out.subspan(20));
    u32 total = put_entries(entries, tables->root, 0);
    for (u16 i = 0; i < Pool::kFrames; i++) {
        total += put_entries(entries, tables->frames[i], i + 1);
    }
    answer.put(total);
    pool.busy = false;
    return TRY(entries.result()) + 20;
}

PROBE(descriptors) = {.name = "boot_descriptors", .run = run_descriptors};
PROBE(cpu_tables) = {.name = "boot_cpu_tables", .run = run_cpu_tables};
PROBE(table_index) = {.name = "boot_table_index", .run = run_table_index};
PROBE(page_tables) = {.name = "boot_page_tables", .run = run_page_tables};

}  // namespace
}  // namespace probes
