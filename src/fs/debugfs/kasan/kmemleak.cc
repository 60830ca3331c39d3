// /sys/kernel/debug/kmemleak: objects that nothing points to any more.
#include "core/log/panic.h"
#include "fs/debugfs/files.h"
#include "mm/kasan/leaks.h"

namespace debugfs {
namespace {

void show_object(const mm::Slot& slot, void* context) {
    auto& out = *static_cast<libfs::SeqFile*>(context);
    const mm::ObjectTrack& by = slot.meta().allocated;
    out.print("unreferenced object 0x%016lx (size %u):\n", reinterpret_cast<u64>(slot.object),
              slot.cache->object_size);
    out.print("  cache %s, pid %u\n  backtrace:\n", slot.cache->name(), by.pid);
    for (const u64 address : by.trace) {
        if (address == 0) break;
        const Symbol symbol = find_symbol(address);
        out.print("    [<%016lx>] %s+%#x/%#x\n", address, symbol.name, symbol.offset, symbol.size);
    }
}

Result<void> show_leaks(libfs::SeqFile& out, void*) {
    mm::for_each_leak(show_object, &out);
    return {};
}

Result<void> command(std::string_view text, void*) {
    text = libfs::trim(text);
    if (text == "scan") {
        mm::scan_for_leaks();
        return {};
    }
    if (text != "clear") return EINVAL;
    mm::forget_leaks();
    return {};
}

constexpr libfs::TextNode kKmemleak{"kmemleak", 0600, show_leaks, command};

}  // namespace

Result<void> add_kmemleak(libfs::Tree& tree) { return tree.add_text(tree.root(), kKmemleak); }

}  // namespace debugfs
