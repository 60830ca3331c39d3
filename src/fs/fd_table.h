/// FdTable: the open files of a process by number (Linux' files_struct); FsStruct: where it stands.
#pragma once

#include "fs/file.h"

namespace fs {

class FdTable;

/// A number that is taken but shows no file yet. Leaving the scope without install() gives it
/// back, so a call that fails half way leaves nothing behind.
class FdReservation {
public:
    FdReservation(FdReservation&& from);
    ~FdReservation();
    int number() const { return number_; }
    /// Makes `file` visible under the number. Cannot fail.
    void install(Ref<File> file);

private:
    friend class FdTable;
    FdReservation(FdTable& table, int number) : table_(&table), number_(number) {}
    FdTable* table_;
    int number_;
};

class FdTable {
public:
    static Result<FdTable*> create();
    /// A copy for fork: the same files under the same numbers. ENOMEM.
    Result<FdTable*> duplicate();

    RefCount ref_count;
    static void release(FdTable* table);  // closes everything

    /// The lowest free number >= `from`, below `limit` (RLIMIT_NOFILE). EMFILE, ENOMEM.
    Result<FdReservation> reserve(u32 limit, int from = 0, bool close_on_exec = false);

    Result<Ref<File>> get(int fd);  // EBADF; also for O_PATH files
    Result<void> close(int fd);     // EBADF
    /// dup2/dup3: closes `to` first. EBADF, EMFILE.
    Result<void> install_at(int to, Ref<File> file, bool close_on_exec, u32 limit);
    Result<bool> close_on_exec(int fd);
    Result<void> set_close_on_exec(int fd, bool on);
    void do_close_on_exec();  // execve
    void close_range(unsigned first, unsigned last, bool only_mark);
    /// The lowest open number >= `from`, or -1: for /proc/<pid>/fd.
    int next_open(int from);

private:
    friend class FdReservation;
    struct Slot {
        Ref<File> file;
        bool reserved = false;
        bool close_on_exec = false;
        bool is_taken() const { return reserved || file; }
    };
    Result<void> grow(usize wanted);
    Result<void> grow_to(u32 wanted);
    u32 capacity();
    u32 copy_slots(FdTable& from);
    Ref<File> take(int fd);
    u32 find_free_locked(u32 from) const REQUIRES(lock_);
    void free_slot_locked(u32 number) REQUIRES(lock_);
    Slot* slot_locked(int fd) REQUIRES(lock_);

    SpinLock lock_{"files", LockRank::Files};
    Slot* slots_ GUARDED_BY(lock_) = nullptr;
    u32 capacity_ GUARDED_BY(lock_) = 0;
    u32 first_free_ GUARDED_BY(lock_) = 0;  // no number below it is free
};

/// The calling task's.
Result<Ref<File>> fget(int fd);
FdTable& current_files();
/// Reserves in the current table under the task's RLIMIT_NOFILE.
Result<FdReservation> reserve_fd(bool close_on_exec, int from = 0);

class FsStruct {
public:
    static Result<FsStruct*> create(const Path& root, const Path& cwd, u32 umask);
    Result<FsStruct*> duplicate();
    RefCount ref_count;
    static void release(FsStruct* fs);

    Path root();
    Path cwd();
    void set_root(const Path& path);
    void set_cwd(const Path& path);
    std::atomic<u32> umask{022};

private:
    SpinLock lock_{"fs_struct", LockRank::FsStruct};
    Path root_ GUARDED_BY(lock_), cwd_ GUARDED_BY(lock_);
};

}  // namespace fs
