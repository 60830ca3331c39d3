/// Segments for the thread-local storage of 32-bit code. Linux: arch/x86/kernel/tls.c.
#pragma once

#include "abi/ldt.h"
#include "core/user/user_ptr.h"
#include "sched/task.h"

namespace process {

/// set_thread_area(2) for the running task: puts the segment at `at` into the slot it names; the
/// slot -1 stands for a free one, whose number is written back. EFAULT; EINVAL if there is no such
/// slot, or the segment is not one of 32-bit data that is present; ESRCH if none is free.
Result<void> set_thread_area(UserPtr<abi::UserDesc> at);

/// get_thread_area(2): describes the slot that `at` names. EFAULT, EINVAL.
Result<void> get_thread_area(UserPtr<abi::UserDesc> at);

/// CLONE_SETTLS of i386: as set_thread_area(), for a child that has never run; the slot must be
/// given.
Result<void> set_child_tls(sched::Task& child, UserPtr<const abi::UserDesc> at);

}  // namespace process
