/// The files of /proc/<pid>: what each is called and who writes it.
///
/// An inode of procfs names a task by number and start time, not by a reference: a dentry that
/// somebody keeps cannot keep a dead task in memory, and a number that is used again does not lead
/// to the new task. Every use looks the task up: ESRCH if it is gone.
#pragma once

#include "fs/fd_table.h"
#include "fs/libfs/seq_file.h"
#include "sched/task.h"
#include "vm/mm_struct.h"

namespace procfs {

using libfs::SeqFile;
using sched::Task;

/// In which directories an entry stands.
enum class Place : u8 { Both, Process, Thread };  // /proc/<pid>, /proc/<pid>/task/<tid>

/// Who may open it, beyond what its permissions say.
enum class Access : u8 { Mode, LookInto };  // LookInto: EACCES unless may_look_into()

struct PidEntry {
    const char* name;
    u32 mode;  // type and permissions
    /// Regular files: writes the text.
    Result<void> (*show)(SeqFile& out, Task& task) = nullptr;
    /// Takes what was written; null: not writable.
    Result<void> (*store)(std::string_view text, Task& task) = nullptr;
    /// Links: where they lead.
    Result<fs::Path> (*target)(Task& task) = nullptr;
    /// Directories and others: their own operations; null: the ones of their kind.
    const fs::InodeOperations& (*ops)() = nullptr;
    const fs::FileOperations& (*file_ops)() = nullptr;
    Place place = Place::Both;
    Access access = Access::Mode;
    u8 outside = 0;  // of what stands in no directory's table: a number of its own
};
std::span<const PidEntry> pid_entries();
/// /proc/<pid>/task/<tid>.
extern const PidEntry kThreadDir;

/// What the inodes below /proc/<pid> point to.
struct PidInode {
    PidInode(sched::PidNumber number, u64 start_ns, const PidEntry* what, int descriptor)
        : pid(number), start_time_ns(start_ns), entry(what), fd(descriptor) {}

    sched::PidNumber pid;
    u64 start_time_ns;
    const PidEntry* entry;  // null: /proc/<pid> itself, or task/<tid>
    int fd;                 // in fd/ and fdinfo/; -1: none
};
PidInode& pid_inode(const fs::Inode& inode);

/// The task behind an inode. ESRCH.
Result<Ref<Task>> task_of(const fs::Inode& inode);

/// What open() asks where the task's memory shows: ESRCH; EACCES unless the running task could read
/// that memory itself.
Result<void> may_open_memory(const fs::Inode& inode);

/// Fills `child` with an inode for `task`. `entry` null: the directory of the task. ENOMEM.
Result<void> instantiate_pid(fs::SuperBlock& super, fs::Dentry& child, Task& task,
                             const PidEntry* entry, int fd = -1);
u64 pid_inode_number(sched::PidNumber pid, const PidEntry* entry, int fd);

/// /proc/<pid> and /proc/<pid>/task/<tid>.
Result<void> lookup_task(fs::Inode& dir, fs::Dentry& child, bool threads_of_one);
bool parse_number(std::string_view text, u32& number);
bool never_valid(const fs::Dentry& dentry);

/// Parts of another task, which may give them up at any time: with a reference, or null.
Ref<fs::FdTable> files_of(Task& task);
Ref<fs::FsStruct> fs_of(Task& task);

/// Another task's address space for the length of a scope; tests false if it has none.
class TaskMm {
public:
    explicit TaskMm(Task& task) : mm_(vm::get_task_mm(task)) {}
    ~TaskMm() {
        if (mm_) mm_->put();
    }
    TaskMm(const TaskMm&) = delete;
    explicit operator bool() const { return mm_ != nullptr; }
    vm::MmStruct* operator->() const { return mm_; }
    vm::MmStruct& operator*() const { return *mm_; }

private:
    vm::MmStruct* mm_;
};

// pid_status.cc
Result<void> show_stat(SeqFile& out, Task& task);
Result<void> show_thread_stat(SeqFile& out, Task& task);
Result<void> show_status(SeqFile& out, Task& task);
Result<void> show_statm(SeqFile& out, Task& task);
Result<void> show_comm(SeqFile& out, Task& task);
Result<void> store_comm(std::string_view text, Task& task);
Result<void> show_limits(SeqFile& out, Task& task);
// pid/where.cc
Result<void> show_wchan(SeqFile& out, Task& task);
Result<void> show_stack(SeqFile& out, Task& task);
Result<void> show_syscall(SeqFile& out, Task& task);
// pid/account.cc
Result<void> show_io(SeqFile& out, Task& task);
Result<void> show_thread_io(SeqFile& out, Task& task);
Result<void> show_personality(SeqFile& out, Task& task);
Result<void> show_cgroup(SeqFile& out, Task& task);
Result<void> show_children(SeqFile& out, Task& task);
// pid/oom.cc
Result<void> show_oom_score(SeqFile& out, Task& task);
Result<void> show_oom_score_adj(SeqFile& out, Task& task);
Result<void> store_oom_score_adj(std::string_view text, Task& task);
Result<void> show_oom_adj(SeqFile& out, Task& task);
Result<void> store_oom_adj(std::string_view text, Task& task);
// pid_memory.cc
Result<void> show_cmdline(SeqFile& out, Task& task);
Result<void> show_environ(SeqFile& out, Task& task);
Result<void> show_auxv(SeqFile& out, Task& task);
Result<void> show_maps(SeqFile& out, Task& task);
/// One line of maps; `room`, a page, is for the name. mmap_lock is held.
void write_area(SeqFile& out, const vm::VmArea& area, std::span<char> room);
// sched/pid_sched.cc
Result<void> show_sched(SeqFile& out, Task& task);
Result<void> show_schedstat_of_task(SeqFile& out, Task& task);
// pid/smaps.cc
Result<void> show_smaps(SeqFile& out, Task& task);
Result<void> show_smaps_rollup(SeqFile& out, Task& task);
// pid/numa_maps.cc
Result<void> show_numa_maps(SeqFile& out, Task& task);
// pid/pagemap.cc
const fs::FileOperations& pagemap_file_ops();
Result<void> store_clear_refs(std::string_view text, Task& task);
// pid_mem.cc
const fs::FileOperations& mem_file_ops();
// pid_timers.cc
Result<void> show_timers(SeqFile& out, Task& task);
Result<void> show_timerslack_ns(SeqFile& out, Task& task);
Result<void> store_timerslack_ns(std::string_view text, Task& task);
// pid_coredump.cc
Result<void> show_coredump_filter(SeqFile& out, Task& task);
Result<void> store_coredump_filter(std::string_view text, Task& task);
// debug/fail_nth.cc; debug builds only
Result<void> show_fail_nth(SeqFile& out, Task& task);
Result<void> store_fail_nth(std::string_view text, Task& task);
Result<void> show_make_it_fail(SeqFile& out, Task& task);
Result<void> store_make_it_fail(std::string_view text, Task& task);
// mounts.cc
Result<void> show_mounts(SeqFile& out, Task& task);
Result<void> show_mountinfo(SeqFile& out, Task& task);
// pid_fd.cc
const fs::InodeOperations& fd_dir_ops();
const fs::FileOperations& fd_dir_file_ops();
const fs::InodeOperations& fdinfo_dir_ops();
Result<fs::Path> exe_target(Task& task);
Result<fs::Path> cwd_target(Task& task);
Result<fs::Path> root_target(Task& task);

}  // namespace procfs
