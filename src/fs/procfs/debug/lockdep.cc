// /proc/lockdep, lockdep_chains, lockdep_stats: what the lock validator of this debug build has
// learnt.
#include "core/validator/graph.h"
#include "fs/procfs/system.h"

namespace procfs {

namespace {

const char* class_name(usize klass) { return lock_stat::classes()[klass].name.load(); }

/// Each class with those that were taken while it was held.
Result<void> show_lockdep(SeqFile& out, void*) {
    const usize classes = lockval::statistics().classes;
    for (usize at = 0; at < classes; at++) {
        const lock_stat::Class& entry = lock_stat::classes()[at];
        out.print("%016lx FD: %4lu %s: %s/%u\n", reinterpret_cast<u64>(&entry),
                  lockval::edges_from(u16(at)), lock_stat::kind_name(entry.kind), class_name(at),
                  unsigned(entry.subclass));
        for (usize to = 0; to < classes; to++) {
            if (!lockval::has_edge(u16(at), u16(to))) continue;
            out.print(" -> [%016lx] %s\n", reinterpret_cast<u64>(&lock_stat::classes()[to]),
                      class_name(to));
        }
    }
    return {};
}

/// Each set of classes that some task held at once, outermost first.
Result<void> show_chains(SeqFile& out, void*) {
    const usize places = lockval::statistics().max_chains;
    for (usize at = 0; at < places; at++) {
        u16 chain[8];
        const usize length = lockval::chain_at(at, chain, 8);
        for (usize i = 0; i < length; i++) {
            out.print("%s%s", i == 0 ? "" : " -> ", class_name(chain[i]));
        }
        if (length > 0) out.print("\n");
    }
    return {};
}

Result<void> show_stats(SeqFile& out, void*) {
    const lockval::Statistics all = lockval::statistics();
    out.print(" lock-classes:                  %11lu [max: %lu]\n", all.classes,
              lockval::kMaxClasses);
    out.print(" direct dependencies:           %11lu [max: %lu]\n", all.edges, all.max_edges);
    out.print(" dependency chains:             %11lu [max: %lu]\n", all.chains, all.max_chains);
    out.print(" max locking depth:             %11lu\n", all.max_depth);
    out.print(" hardirq-safe locks:            %11lu\n", all.irq_safe);
    out.print(" hardirq-unsafe locks:          %11lu\n", all.irq_unsafe);
    out.print(" softirq-safe locks:            %11lu\n", all.softirq_safe);
    out.print(" softirq-unsafe locks:          %11lu\n", all.softirq_unsafe);
    out.print(" debug_locks:                   %11u\n", unsigned(lockval::is_on()));
    return {};
}

constexpr libfs::TextNode kFiles[] = {
    {"lockdep", 0400, show_lockdep},
    {"lockdep_chains", 0400, show_chains},
    {"lockdep_stats", 0444, show_stats},
};

}  // namespace

Result<void> add_lockdep_files(libfs::Tree& tree) {
    for (const libfs::TextNode& file : kFiles) TRY(tree.add_text(tree.root(), file));
    return {};
}

}  // namespace procfs
