/// Changing who the running task is. Linux: kernel/cred.c, security/commoncap.c.
///
/// Whoever changes credentials copies the task's, changes the copy, and commits it: so a call that
/// fails has changed nothing.
#pragma once

#include "sched/task.h"

namespace process {

struct BinPrm;

/// What a change of user ids does to capabilities: who stops being user 0 loses them, unless they
/// are to be kept (SECBIT_KEEP_CAPS); the effective ones come and go with effective user 0. See:
/// capabilities(7), "Effect of user ID changes on capabilities".
void adjust_capabilities(const sched::Cred& old, sched::Cred& now);
/// The same of setfsuid(): only those about files.
void adjust_file_capabilities(const sched::Cred& old, sched::Cred& now);

/// Makes `now` the running task's. If it has become somebody else, or gained capabilities, then its
/// memory is nobody's to look into (dumpable), and its wish for a signal at its parent's death is
/// void. A new real user's tasks count one more, which is never refused here: execve() does
/// (RLIMIT_NPROC). ENOMEM. Process context.
Result<void> commit_creds(const sched::Cred& now);

/// execve(): from the program's set-id bits and the caller's rights, what the new program may do;
/// fills `bprm.cred`, `secure`, `gains`. See: capabilities(7), "Transformation of capabilities
/// during execve()".
void compute_exec_creds(BinPrm& bprm);

}  // namespace process
