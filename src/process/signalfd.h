/// signalfd: pending signals of a set as a file that can be read and polled. Linux: fs/signalfd.c.
///
/// It shows the signals of whoever reads it, not of who made it. The signals are to be blocked,
/// otherwise they are delivered before anybody can read them.
#pragma once

#include "fs/file.h"
#include "sched/signal_struct.h"

namespace process {

/// signalfd4(2) without a file to change: for the signals of `mask`. `flags`: SFD_*. EINVAL for
/// others, ENOMEM.
Result<Ref<fs::File>> make_signalfd(u64 mask, u32 flags);

/// signalfd4(2) on one that exists: it now shows the signals of `mask`. EINVAL: no signalfd.
Result<void> signalfd_set_mask(fs::File& file, u64 mask);

/// A signal has become pending for somebody who uses `sighand`, whose lock is held.
void signalfd_notify(sched::SighandStruct& sighand);

}  // namespace process
