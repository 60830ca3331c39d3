/// What a task has read and written by system calls, for /proc/<pid>/io. Linux' task_io_accounting.
#pragma once

#include "lib/types.h"

namespace sched {

/// Only the task itself counts; others may read a figure that is about to change.
struct IoCounters {
    u64 read_bytes = 0, written_bytes = 0;  // rchar, wchar: moved by calls, from whatever file
    u64 reads = 0, writes = 0;              // syscr, syscw: calls, those that failed included

    void add(const IoCounters& other) {
        read_bytes += other.read_bytes;
        written_bytes += other.written_bytes;
        reads += other.reads;
        writes += other.writes;
    }
};

}  // namespace sched
