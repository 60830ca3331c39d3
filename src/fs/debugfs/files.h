/// The directories and files of debugfs, each entered by a source file of its own. Called once, at
/// the first mount.
#pragma once

#include "fs/libfs/tree.h"

namespace debugfs {

/// irq/domains/VECTOR: which vector of which processor stands for which interrupt. irq.cc
Result<void> add_irq_domains(libfs::Tree& tree);

/// provoke-crash/DIRECT: the kernel does something wrong, to show that it is noticed. provoke.cc
Result<void> add_provoke_crash(libfs::Tree& tree);

/// rcu: how far grace periods have come, and what waits for them. rcu.cc
Result<void> add_rcu(libfs::Tree& tree);
Result<void> add_sched(libfs::Tree& tree);       // sched.cc: tunables, who waits where
Result<void> add_workqueues(libfs::Tree& tree);  // workqueues.cc: queues and pools

// kasan/kmemleak.cc; builds with KASAN only
Result<void> add_kmemleak(libfs::Tree& tree);
// debug/fault_attr.cc; debug builds only
Result<void> add_fault_injection(libfs::Tree& tree);

}  // namespace debugfs
