// Probes of lab 01-boot: the boot loader's information, the memory map.
//
//   boot_multiboot2   in: a multiboot2 block, as it lies in memory
//                     out: u32 errno, then if 0: u32 entries, u32 dropped, entries (u64 start, u64
//                     length, u32 type), u64 initrd start, u64 initrd bytes, and as u32 length and
//                     bytes: copy of the RSDP, command line, loader
//   boot_memory_map   in: u64 kernel start, end, initrd start, initrd bytes, u32 n, n entries
//                     out: u32 errno, then if 0: RAM and what is reserved of it, each as u32 n and
//                     n ranges (u64 start, u64 end)

#include "arch/boot_info.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"

namespace probes {
namespace {

Result<usize> run_multiboot2(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* info = scratch<arch::BootInfo>(out);
    if (info == nullptr) return EINVAL;
    ByteWriter answer(out);
    const u32 error = errno_of(arch::parse_multiboot2(in, *info));
    answer.put(error);
    if (error != 0) return answer.result();
    answer.put(static_cast<u32>(info->map_count));
    answer.put(static_cast<u32>(info->map_dropped));
    for (usize i = 0; i < info->map_count && i < arch::BootInfo::kMaxMap; i++) {
        answer.put(info->map[i].start);
        answer.put(info->map[i].length);
        answer.put(info->map[i].type);
    }
    answer.put(info->initrd_start);
    answer.put(info->initrd_bytes);
    answer.put_text({reinterpret_cast<const char*>(info->rsdp_copy), info->rsdp_copy_bytes});
    answer.put_text({info->command_line, strnlen(info->command_line, sizeof info->command_line)});
    answer.put_text({info->loader, strnlen(info->loader, sizeof info->loader)});
    return answer.result();
}

void put_ranges(ByteWriter& answer, const RangeList& list) {
    answer.put(static_cast<u32>(list.ranges().size()));
    for (const PhysRange& range : list.ranges()) {
        answer.put(range.start);
        answer.put(range.end);
    }
}

Result<usize> run_memory_map(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* info = scratch<arch::BootInfo>(out);
    auto* memblock = scratch<Memblock>(out);
    if (info == nullptr || memblock == nullptr) return EINVAL;
    ByteReader input(in);
    const auto start = input.take<u64>(), end = input.take<u64>();
    const PhysRange kernel{start, end};
    info->initrd_start = input.take<u64>();
    info->initrd_bytes = input.take<u64>();
    const auto count = input.take<u32>();
    if (count > arch::BootInfo::kMaxMap) return EINVAL;
    for (u32 i = 0; i < count; i++) {
        arch::MemoryMapEntry& entry = info->map[info->map_count++];
        entry.start = input.take<u64>();
        entry.length = input.take<u64>();
        entry.type = input.take<u32>();
    }
    if (!input.ok() || input.left() != 0) return EINVAL;

    ByteWriter answer(out);
    const u32 error = errno_of(arch::memory_map_to_memblock(*info, kernel, *memblock));
    answer.put(error);
    if (error != 0) return answer.result();
    put_ranges(answer, memblock->memory);
    put_ranges(answer, memblock->reserved);
    return answer.result();
}

PROBE(multiboot2) = {.name = "boot_multiboot2", .run = run_multiboot2};
PROBE(memory_map) = {.name = "boot_memory_map", .run = run_memory_map};

}  // namespace
}  // namespace probes
