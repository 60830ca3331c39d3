// io, personality, cgroup: small files that are about one task.
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid_entry.h"
#include "mm/slab.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

void print_io(SeqFile& out, const sched::IoCounters& io) {
    out.print("rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\n", io.read_bytes, io.written_bytes,
              io.reads, io.writes);
    // No file system here keeps its contents on a device.
    out.write("read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
}

}  // namespace

Result<void> show_io(SeqFile& out, Task& task) {
    TRY(check_look_into(task, EACCES));
    sched::IoCounters sum;
    {
        IrqGuard guard(sched::tasks_lock);
        if (sched::find_task(task.pid) != &task) return ESRCH;
        if (task.signal == nullptr) {
            sum = task.io;
        } else {
            sum = task.signal->dead_io;
            for (const Task& thread : task.group_leader->threads) sum.add(thread.io);
        }
    }
    print_io(out, sum);
    return {};
}

Result<void> show_thread_io(SeqFile& out, Task& task) {
    TRY(check_look_into(task, EACCES));
    print_io(out, task.io);
    return {};
}

Result<void> show_personality(SeqFile& out, Task& task) {
    TRY(check_look_into(task, EPERM));
    out.print("%08x\n", task.signal != nullptr ? task.signal->personality : 0);
    return {};
}

/// There is one hierarchy with nothing but its root.
Result<void> show_cgroup(SeqFile& out, Task&) {
    out.write("0::/\n");
    return {};
}

/// Nothing can be allocated while the children stand still, so there is room for as many as there
/// were a moment ago; who came since is left out.
Result<void> show_children(SeqFile& out, Task& task) {
    usize room = 0, count = 0;
    {
        IrqGuard guard(sched::tasks_lock);
        if (sched::find_task(task.pid) != &task) return ESRCH;
        room = task.children.size();
    }
    if (room == 0) return {};
    auto* pids = static_cast<sched::PidNumber*>(
        TRY(mm::kmalloc(room * sizeof(sched::PidNumber), mm::Gfp::Kernel)));
    {
        IrqGuard guard(sched::tasks_lock);
        for (const Task& child : task.children) {
            if (count == room) break;
            pids[count++] = child.pid;
        }
    }
    for (usize i = 0; i < count; i++) out.print("%d ", pids[i]);
    mm::kfree(pids);
    return {};
}

}  // namespace procfs
