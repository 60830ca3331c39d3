/// ioperm(2), iopl(2). Linux: arch/x86/kernel/ioport.c.
#pragma once

#include "lib/result.h"
#include "sched/task.h"

namespace process {

/// Lets the running task use the ports [from, from + count), or takes them away. EINVAL: there are
/// no such ports, or `count` is 0; EPERM: CAP_SYS_RAWIO is needed to get some; ENOMEM.
Result<void> ioperm(u64 from, u64 count, int turn_on);

/// Level 3 is every port; levels below are remembered. EINVAL: above 3; EPERM: CAP_SYS_RAWIO is
/// needed to raise it.
Result<void> iopl(u32 level);

/// For fork: the child, which nobody knows yet, has the ports of its parent. (execve keeps them.)
void share_ports(sched::Task& child, const sched::Task& parent);

/// The task is gone.
void put_ports(sched::Task& task);

}  // namespace process
