/// What processes know of their controlling terminal. Terminals are devices and stand above
/// process/, so they leave functions here (drivers/tty/job_control.cc); until then there are none.
///
/// SignalStruct::tty is inherited by fork(), cleared by setsid(), and guarded by the sighand lock.
#pragma once

#include "sched/signal_struct.h"
#include "sched/task.h"

namespace process {

struct TtyIdentity {
    u32 device = 0;                         // as in st_rdev: "tty_nr" of /proc/<pid>/stat
    sched::PidNumber foreground_pgrp = -1;  // "tpgid"
};

struct TtyHooks {
    /// The running session leader dies: the terminal is taken from its session, the foreground
    /// group gets SIGHUP and SIGCONT. May sleep; no lock is held.
    void (*leader_exits)();

    /// The controlling terminal of `task`'s process, or zeros.
    TtyIdentity (*identify)(sched::Task& task);
};

/// Null until the terminals are set up.
extern constinit const TtyHooks* tty_hooks;

}  // namespace process
