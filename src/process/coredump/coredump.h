/// Core dumps: what a program looked like when a signal killed it, as an ELF file. core(5).
/// Linux: fs/coredump.c, fs/binfmt_elf.c.
#pragma once

#include <span>
#include <string_view>

#include "abi/signal.h"
#include "lib/result.h"
#include "sched/task.h"

namespace process {

/// The running thread is about to kill its process with the signal of `info`, whose default is to
/// leave a core: stops all other threads, writes the file, and lets them go on to their end. From
/// here on the process is ending (group_exit), with the core flag in its status if something was
/// written. Does nothing if it is ending already, may not be dumped (PR_SET_DUMPABLE), or
/// RLIMIT_CORE is below a page. SIGKILL ends it early. Process context; sleeps; takes tasks_lock.
void do_coredump(const abi::SigInfo& info);

/// The running thread, which is ending and no longer counts as alive, waits here while another one
/// writes the core that it is part of. Takes tasks_lock.
void wait_for_core_dump(sched::Task& task);

/// /proc/sys/kernel/core_pattern: the file's name, with directives of core(5). EINVAL: too long, or
/// a pipe to a program, which is not supported.
inline constexpr usize kCorePatternSize = 128;
Result<void> set_core_pattern(std::string_view pattern);
void get_core_pattern(std::span<char, kCorePatternSize> room);

/// /proc/sys/kernel/core_uses_pid: a name without %p gets ".<pid>" at its end.
extern constinit std::atomic<u32> core_uses_pid;

}  // namespace process
