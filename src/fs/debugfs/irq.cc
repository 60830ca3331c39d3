// irq/domains/VECTOR: the tables of the local APICs. Linux: kernel/irq/{debugfs,matrix}.c.
#include "arch/vectors.h"
#include "core/irq/vector.h"
#include "fs/debugfs/files.h"
#include "mm/own.h"

namespace debugfs {
namespace {

using irq::VectorMatrixRow;

struct Totals {
    u32 online = 0, available = 0, allocated = 0;
};

Result<void> show_vectors(libfs::SeqFile& out, void*) {
    const auto row = TRY(mm::make<VectorMatrixRow>());
    Totals totals;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        irq::read_vectors(cpu, *row);
        totals.online++;
        totals.available += row->available;
        totals.allocated += row->allocated;
    });
    out.print("name:   VECTOR\nOnline bitmaps:   %8u\nGlobal available: %8u\n", totals.online,
              totals.available);
    out.print("Total allocated:  %8u\nSystem: 0-%u,%u,%u-255\n", totals.allocated,
              unsigned{arch::kMoveCleanupVector}, unsigned{arch::kSyscall32},
              unsigned{arch::kFirstSystem});
    out.print(" | CPU | avl | act | vectors (irq)\n");
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        irq::read_vectors(cpu, *row);
        out.print(" %5u %5u %5u ", cpu, row->available, row->allocated);
        for (unsigned vector = 0; vector < 256; vector++) {
            if (row->irq_of[vector] != irq::kNoIrq) {
                out.print(" %u(%u)", vector, row->irq_of[vector]);
            }
        }
        out.print("\n");
    });
    return {};
}
constexpr libfs::TextNode kVector{"VECTOR", 0444, show_vectors};

}  // namespace

Result<void> add_irq_domains(libfs::Tree& tree) {
    libfs::Node& dir = *TRY(tree.add_dir(tree.root(), "irq"));
    return tree.add_text(*TRY(tree.add_dir(dir, "domains")), kVector);
}

}  // namespace debugfs
