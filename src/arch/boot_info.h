/// BootInfo: what the boot loader told us, copied out of its memory before anything else can be
/// put there. Both doors (multiboot2 from GRUB, PVH from QEMU) fill the same structure.
#pragma once

#include <span>
#include <string_view>

#include "lib/memblock.h"
#include "lib/result.h"
#include "lib/strong.h"

namespace arch {

/// As the firmware numbers them; whatever else there may be is treated as reserved.
enum class MemoryType : u32 {
    Usable = 1,
    Reserved = 2,
    AcpiReclaimable = 3,
    AcpiNvs = 4,
    Bad = 5,
};

struct MemoryMapEntry {
    u64 start;
    u64 length;
    u32 type;  // MemoryType, or something we do not know
};

struct BootInfo {
    static constexpr usize kMaxMap = 128;
    static constexpr usize kMaxCommandLine = 2048;

    MemoryMapEntry map[kMaxMap];
    usize map_count;
    usize map_dropped;  // entries that did not fit
    char command_line[kMaxCommandLine];
    char loader[64];
    u64 initrd_start, initrd_bytes;  // physical; 0 bytes: none
    u64 rsdp;                        // physical address of the ACPI root pointer; 0: search
    u8 rsdp_copy[36];                // or its contents, if the loader gave those
    usize rsdp_copy_bytes;
};

extern constinit BootInfo boot_info;

/// Reads the multiboot2 information `info` into `out`. EINVAL: damaged (a tag that overruns, a
/// size that lies). Never reads outside `info`. See: Multiboot2 specification, 3.6.
Result<void> parse_multiboot2(std::span<const std::byte> info, BootInfo& out);

/// Fills `memblock` from the map: usable memory, minus whatever any other entry claims. Entries
/// may overlap, be empty, or wrap; the kernel image and the initrd are reserved.
Result<void> memory_map_to_memblock(const BootInfo& info, PhysRange kernel, Memblock& memblock);

extern constinit Memblock memblock;

/// What the ACPI tables say; zero where they do not.
struct AcpiInfo {
    static constexpr usize kMaxCpus = 64;
    static constexpr usize kMaxOverrides = 16;
    static constexpr usize kMaxIoApics = 8;
    u32 cpu_count;  // processors that may be started; 0: no MADT
    u8 apic_ids[kMaxCpus];
    u64 local_apic;
    u32 ioapic_count;
    struct IoApic {
        u64 address;
        u32 first_gsi;
    } ioapics[kMaxIoApics];
    u32 override_count;
    struct Override {
        u8 isa_irq;
        u32 gsi;
        bool active_low, level;
    } overrides[kMaxOverrides];
    u64 hpet;  // physical address of its registers
    u16 pm_timer_port;
    bool pm_timer_32bit;
    u16 pm1a_control, pm1b_control;
    u8 s5_type_a, s5_type_b;
    bool has_s5;
    u64 reset_register;  // I/O port, if the firmware offers one
    u8 reset_value;
    u32 revision;       // 0: RSDT, 2: XSDT
    u64 srat, slit;     // physical addresses; what they say: arch/numa.h
    bool srat_refused;  // it contradicts itself
};
extern constinit AcpiInfo acpi_info;

/// Reads the tables through the early direct map (the first 4 GiB). Damaged or missing tables are
/// reported and left out.
void acpi_init(const BootInfo& info);

/// The final page tables: direct map of all RAM, kernel image with each part's rights.
/// Boot processor, once. Panics if memory is too small.
void build_kernel_page_tables();

/// Gives [__init_begin, __init_end) back; returns its range.
PhysRange init_memory();

}  // namespace arch
