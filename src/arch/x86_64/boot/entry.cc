// From boot.S into the kernel: finds out who started us and copies what they left.

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/kasan_map.h"
#include "arch/layout.h"
#include "arch/percpu.h"
#include "arch/uart.h"
#include "arch/upcalls.h"
#include "arch/x86_64/boot/pvh.h"

namespace arch {

constinit BootInfo boot_info{};

PER_CPU u64 this_cpu_offset = 0;

namespace {

/// Before printk works: straight to the wire.
[[noreturn]] void refuse(std::string_view why) {
    uart_com1.init(Uart::kMaxBaud);
    uart_com1.write_text("vitrine: ");
    uart_com1.write_text(why);
    uart_com1.write_text("\n");
    for (;;) halt();
}

Result<void> read_boot_info(u32 magic, PhysAddr info) {
    if (magic == kPvhMagic) return parse_pvh(info, boot_info);
    const u32 size = *phys_to_virt<const u32>(info);
    constexpr u32 kMaxSize = 1 << 20;
    if (size < 8 || size > kMaxSize) return EINVAL;
    return parse_multiboot2({phys_to_virt<const std::byte>(info), size}, boot_info);
}

}  // namespace

/// `magic` says whose information lies at `info`; both as boot.S found them.
extern "C" [[noreturn]] void kernel_entry(u32 magic, u32 info) {
    map_early_shadow();
    clock_note_entry();
    if (magic != kPvhMagic && magic != kMultiboot2Magic) {
        refuse("not started by a multiboot2 or PVH loader; use GRUB's multiboot2 command");
    }
    const Result<void> read = read_boot_info(magic, PhysAddr(info));
    if (!read.ok()) refuse("the boot loader's information is damaged (EINVAL)");
    upcall::kernel_main();
}

}  // namespace arch
