/// The files of /proc that are about the whole system: who writes them. procfs.cc lists them.
#pragma once

#include "fs/libfs/tree.h"

namespace procfs {

using libfs::SeqFile;

// kernel.cc
Result<void> show_version(SeqFile& out, void*);
Result<void> show_cmdline_of_kernel(SeqFile& out, void*);
Result<void> show_cpuinfo(SeqFile& out, void*);
Result<void> show_devices(SeqFile& out, void*);
Result<void> show_partitions(SeqFile& out, void*);
Result<void> show_kallsyms(SeqFile& out, void*);
// load.cc
Result<void> show_uptime(SeqFile& out, void*);
Result<void> show_loadavg(SeqFile& out, void*);
Result<void> show_stat_of_system(SeqFile& out, void*);
// interrupts.cc
Result<void> show_interrupts(SeqFile& out, void*);
void print_interrupt_totals(SeqFile& out);  // the line `intr` of /proc/stat
// softirqs.cc
Result<void> show_softirqs(SeqFile& out, void*);
void print_softirq_totals(SeqFile& out);  // the line `softirq` of /proc/stat
// timer_list.cc
Result<void> show_timer_list(SeqFile& out, void*);
// memory.cc
Result<void> show_meminfo(SeqFile& out, void*);
Result<void> show_swaps(SeqFile& out, void*);
Result<void> show_vmstat(SeqFile& out, void*);
// zones.cc
Result<void> show_buddyinfo(SeqFile& out, void*);
Result<void> show_pagetypeinfo(SeqFile& out, void*);
Result<void> show_zoneinfo(SeqFile& out, void*);
// slab.cc
Result<void> show_slabinfo(SeqFile& out, void*);
Result<void> show_vmallocinfo(SeqFile& out, void*);
// mounts.cc
Result<void> show_filesystems(SeqFile& out, void*);
// kmsg.cc
const fs::FileOperations& kmsg_ops();
// irq.cc
Result<void> add_irq_dir(libfs::Tree& tree);
// locks.cc
Result<void> show_lock_stat(SeqFile& out, void*);
Result<void> store_lock_stat(std::string_view text, void*);
// debug/lockdep.cc; debug builds only
Result<void> add_lockdep_files(libfs::Tree& tree);
// sched/sysctl_sched.cc, sched/schedstat.cc
Result<void> add_sched_sysctls(libfs::Tree& tree, libfs::Node& kernel);
Result<void> show_schedstat(SeqFile& out, void*);
// sysctl.cc
Result<void> add_sysctls(libfs::Tree& tree);

}  // namespace procfs
