/// Trace points of processes and signals, with the names and fields of Linux
/// (include/trace/events/{sched,signal}.h).
#pragma once

#include "core/trace/trace.h"
#include "sched/task.h"

namespace process {

struct SchedProcessFork {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_process_fork";
    char parent_comm[16];
    i32 parent_pid;
    char child_comm[16];
    i32 child_pid;
    static const trace::Field kFields[4];
    static trace::Event event;
};

struct SchedProcessExec {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_process_exec";
    char filename[48];  // its end, if it is longer
    i32 pid, old_pid;
    static const trace::Field kFields[3];
    static trace::Event event;
};

struct SchedProcessExit {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_process_exit";
    char comm[16];
    i32 pid, prio;
    static const trace::Field kFields[3];
    static trace::Event event;
};

/// The running task waits for a child.
struct SchedProcessWait {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_process_wait";
    char comm[16];
    i32 pid;   // for which, or which group; 0: for any
    i32 prio;  // of the running task, as is comm
    static const trace::Field kFields[3];
    static trace::Event event;
};

/// A dead task has left the tables; its memory goes with the last reference.
struct SchedProcessFree {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_process_free";
    char comm[16];
    i32 pid, prio;
    static const trace::Field kFields[3];
    static trace::Event event;
};

struct SignalGenerate {
    static constexpr const char* kSystem = "signal";
    static constexpr const char* kName = "signal_generate";
    i32 sig, error, code;
    char comm[16];
    i32 pid, group, result;
    static const trace::Field kFields[7];
    static trace::Event event;
};

struct SignalDeliver {
    static constexpr const char* kSystem = "signal";
    static constexpr const char* kName = "signal_deliver";
    i32 sig, error, code;
    u32 padding = 0;
    u64 sa_handler, sa_flags;
    static const trace::Field kFields[5];
    static trace::Event event;
};

/// Copies a task's name into a record.
void copy_comm(char (&to)[16], const sched::Task& task);

}  // namespace process
