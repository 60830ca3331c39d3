// The information QEMU leaves us when it enters through the PVH note (-kernel): a structure of
// physical pointers. See: Xen, public/arch-x86/hvm/start_info.h.

#include "arch/x86_64/boot/pvh.h"

#include "arch/layout.h"
#include "lib/string.h"

namespace arch {

namespace {

struct StartInfo {
    u32 magic, version, flags, module_count;
    u64 modules, command_line, rsdp;
    u64 memory_map;  // from version 1 on
    u32 memory_map_count, reserved;
};

struct ModuleEntry {
    u64 start, bytes, command_line, reserved;
};

struct MapEntry {
    u64 start, bytes;
    u32 type, reserved;
};

}  // namespace

Result<void> parse_pvh(PhysAddr info, BootInfo& out) {
    const StartInfo& start = *phys_to_virt<const StartInfo>(info);
    if (start.magic != kPvhMagic || start.version < 1) return EINVAL;
    if (start.command_line != 0) {
        const char* text = phys_to_virt<const char>(PhysAddr(start.command_line));
        copy_string(out.command_line, {text, strnlen(text, sizeof out.command_line)});
    }
    copy_string(out.loader, "PVH");
    if (start.module_count > 0) {
        const auto& module = *phys_to_virt<const ModuleEntry>(PhysAddr(start.modules));
        out.initrd_start = module.start;
        out.initrd_bytes = module.bytes;
    }
    out.rsdp = start.rsdp;
    const auto* map = phys_to_virt<const MapEntry>(PhysAddr(start.memory_map));
    for (u32 i = 0; i < start.memory_map_count; i++) {
        if (out.map_count == BootInfo::kMaxMap) {
            out.map_dropped++;
        } else {
            out.map[out.map_count++] = {map[i].start, map[i].bytes, map[i].type};
        }
    }
    return {};
}

}  // namespace arch
