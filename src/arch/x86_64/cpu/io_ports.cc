// The I/O bitmap of a task on its way into the TSS. It is copied when a task with ports of its own
// gets the processor and the last such task there had others; all other tasks cost nothing, since
// their bitmap lies beyond the limit of the segment.

#include "arch/io_ports.h"

#include "arch/cpu.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/cpu/segments.h"
#include "lib/string.h"

namespace arch {

namespace {

constexpr u64 kAllPorts = 1;  // a serial, of the bitmap without a bit
constexpr u16 kBitmapOffset = sizeof(Tss);
constexpr u16 kNoBitmap = sizeof(Tss) + sizeof(PortBitmap::bytes);  // beyond the limit
static_assert(offsetof(CpuArea, ports.bytes) == offsetof(CpuArea, tables.tss) + kBitmapOffset);

/// From now on the segment includes the bitmap. The byte behind it has all bits set, since the
/// processor always reads two.
void extend_tss(CpuArea& area) {
    const SystemDescriptor tss =
        tss_descriptor(reinterpret_cast<u64>(&area.tables.tss), kNoBitmap - 1);
    area.ports.bytes[kPorts / 8] = 0xff;
    area.tables.gdt[kTssSelector / 8] = tss.low;
    area.tables.gdt[kTssSelector / 8 + 1] = tss.high;
    ltr(kTssSelector);
    area.ports.is_in_tss = true;
}

}  // namespace

void load_ports(const TaskState& state) {
    CpuArea& area = this_cpu_area();
    if (!(state.extras & kHasPorts)) {
        area.tables.tss.io_bitmap_offset = kNoBitmap;
        return;
    }
    if (!area.ports.is_in_tss) extend_tss(area);
    const bool all = state.io_privilege == 3;
    const u64 serial = all ? kAllPorts : state.ports->serial;
    if (area.ports.serial != serial) {
        if (all) {
            memset(area.ports.bytes, 0, kPorts / 8);
        } else {
            memcpy(area.ports.bytes, state.ports->words, kPorts / 8);
        }
        area.ports.serial = serial;
    }
    area.tables.tss.io_bitmap_offset = kBitmapOffset;
}

void set_ports(TaskState& state, IoBitmap* ports, u8 io_privilege) {
    IrqsOff off;
    state.ports = ports;
    state.io_privilege = io_privilege;
    const bool any = ports != nullptr || io_privilege == 3;
    state.extras = (state.extras & ~kHasPorts) | (any ? kHasPorts : 0);
    load_ports(state);
}

}  // namespace arch
