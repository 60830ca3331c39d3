#include "process/trace_events.h"

#include "lib/string.h"

namespace process {

const trace::Field SchedProcessFork::kFields[] = {
    TRACE_FIELD(SchedProcessFork, parent_comm), TRACE_FIELD(SchedProcessFork, parent_pid),
    TRACE_FIELD(SchedProcessFork, child_comm), TRACE_FIELD(SchedProcessFork, child_pid)};
TRACE_POINT(SchedProcessFork);

const trace::Field SchedProcessExec::kFields[] = {TRACE_FIELD(SchedProcessExec, filename),
                                                  TRACE_FIELD(SchedProcessExec, pid),
                                                  TRACE_FIELD(SchedProcessExec, old_pid)};
TRACE_POINT(SchedProcessExec);

const trace::Field SchedProcessExit::kFields[] = {TRACE_FIELD(SchedProcessExit, comm),
                                                  TRACE_FIELD(SchedProcessExit, pid),
                                                  TRACE_FIELD(SchedProcessExit, prio)};
TRACE_POINT(SchedProcessExit);

const trace::Field SchedProcessWait::kFields[] = {TRACE_FIELD(SchedProcessWait, comm),
                                                  TRACE_FIELD(SchedProcessWait, pid),
                                                  TRACE_FIELD(SchedProcessWait, prio)};
TRACE_POINT(SchedProcessWait);

const trace::Field SchedProcessFree::kFields[] = {TRACE_FIELD(SchedProcessFree, comm),
                                                  TRACE_FIELD(SchedProcessFree, pid),
                                                  TRACE_FIELD(SchedProcessFree, prio)};
TRACE_POINT(SchedProcessFree);

const trace::Field SignalGenerate::kFields[] = {
    TRACE_FIELD(SignalGenerate, sig),   TRACE_FIELD(SignalGenerate, error),
    TRACE_FIELD(SignalGenerate, code),  TRACE_FIELD(SignalGenerate, comm),
    TRACE_FIELD(SignalGenerate, pid),   TRACE_FIELD(SignalGenerate, group),
    TRACE_FIELD(SignalGenerate, result)};
TRACE_POINT(SignalGenerate);

const trace::Field SignalDeliver::kFields[] = {
    TRACE_FIELD(SignalDeliver, sig), TRACE_FIELD(SignalDeliver, error),
    TRACE_FIELD(SignalDeliver, code), TRACE_FIELD_HEX(SignalDeliver, sa_handler),
    TRACE_FIELD_HEX(SignalDeliver, sa_flags)};
TRACE_POINT(SignalDeliver);

void copy_comm(char (&to)[16], const sched::Task& task) { memcpy(to, task.comm, sizeof to); }

}  // namespace process
