// Names for addresses: the table that src/kallsyms.py makes from the linked kernel, sorted by
// address, and the walk along the frame pointers.

#include "arch/irq_stack.h"
#include "arch/layout.h"
#include "arch/percpu.h"
#include "arch/user_access.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "lib/string.h"

extern "C" {
extern const u32 kallsyms_count;
extern const u32 kallsyms_offsets[];       // from the kernel's base
extern const u32 kallsyms_name_offsets[];  // into the names
extern const char kallsyms_names[];
extern const u8 __text_start[], __text_end[];
}

Symbol find_symbol(u64 address) {
    if (address < reinterpret_cast<u64>(__text_start) ||
        address >= reinterpret_cast<u64>(__text_end)) {
        return {};
    }
    const u32 offset = u32(address - arch::kKernelBase.raw());
    u32 low = 0, high = kallsyms_count;  // symbols before `low` start at or below the address
    while (low < high) {
        const u32 middle = low + (high - low) / 2;
        if (kallsyms_offsets[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) return {};
    const char* name = kallsyms_names + kallsyms_name_offsets[low - 1];
    const u32 start = kallsyms_offsets[low - 1];
    const u64 end = low < kallsyms_count
                        ? kallsyms_offsets[low]
                        : reinterpret_cast<u64>(__text_end) - arch::kKernelBase.raw();
    return {{name, strlen(name)}, offset - start, end - start};
}

namespace {

void print_frame(u64 rip) {
    const Symbol symbol = find_symbol(rip);
    if (symbol.name.empty()) {
        printk(Level::Emerg, " [<%016x>] ?", rip);
    } else {
        printk(Level::Emerg, " [<%016x>] %s+%#x", rip, symbol.name, symbol.offset);
    }
}

/// The interrupt stack's last frame leads to the stack of whoever was interrupted, anywhere.
bool on_irq_stack(const u64* frame) {
    const u64 base = arch::this_cpu_read(arch::irq_stack_base);
    return base != 0 && reinterpret_cast<u64>(frame) - base < arch::kIrqStackBytes;
}

struct StackFrame {
    const u64* next;
    u64 caller;
};

/// Reads the frame; false if it cannot be one. User code may have been interrupted, and keeps
/// anything in rbp.
bool read_frame(const u64* frame, StackFrame& to) {
    const u64 at = reinterpret_cast<u64>(frame);
    if (at < arch::kDirectMap.raw() || at >= ~u64{0} - 2 * kPageSize || !is_aligned(at, 8)) {
        return false;
    }
    return arch::copy_user(&to, frame, sizeof to) == 0;  // the copy that may fail
}

/// A frame lies above the one before, unless the stack changed between.
bool is_plausible(const u64* frame, const u64* before) {
    if (on_irq_stack(before) && !on_irq_stack(frame)) return true;
    return frame > before && frame - before < isize(64 * 1024 / 8);
}

}  // namespace

void print_backtrace(const u64* frame, u64 rip) {
    printk(Level::Emerg, "Call trace:");
    if (rip != 0) print_frame(rip);
    StackFrame words;
    for (unsigned depth = 0; depth < 32 && read_frame(frame, words); depth++) {
        if (find_symbol(words.caller).name.empty()) break;
        print_frame(words.caller);
        if (!is_plausible(words.next, frame)) break;
        frame = words.next;
    }
}
