/// FdTable: the open files of a process by number (Linux' files_struct); FsStruct: where it stands.
///
/// The slots are an array that readers find through an RCU pointer and read without a lock; changes
/// are made under the table's lock. A larger array replaces the old one, and files are freed, after
/// a grace period, so what a reader finds is at worst a moment old.
#pragma once

#include "core/rcu/rcu.h"

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

    Result<Ref<File>> get(int fd);  // EBADF; also for O_PATH files. Without the lock

    /// What get() finds, for the running task, whose table this is. `counted` tells whether the
    /// file's count went up, for FdFile. Null: no such file.
    File* find_for_call(int fd, bool& counted);

    Result<void> close(int fd);  // EBADF
    /// dup2/dup3: closes `to` first. EBADF, EMFILE.
    Result<void> install_at(int to, Ref<File> file, bool close_on_exec, u32 limit);
    Result<bool> close_on_exec(int fd);
    Result<void> set_close_on_exec(int fd, bool on);
    void do_close_on_exec();  // execve
    void close_range(unsigned first, unsigned last, bool only_mark);
    /// The lowest open number >= `from`, or -1: for /proc/<pid>/fd.
    int next_open(int from);
    u32 capacity();  // slots there are now: "FDSize" of /proc/<pid>/status

private:
    friend class FdReservation;
    struct Slot {
        RcuPointer<File> file;  // the table owns a reference
        bool reserved = false;
        bool close_on_exec = false;
        bool is_taken() const { return reserved || file.get_protected() != nullptr; }
    };
    /// Fdtable of Linux: the slots follow it in memory.
    struct Slots {
        RcuHead rcu;
        u32 capacity;
        Slot* at(int fd) { return &reinterpret_cast<Slot*>(this + 1)[fd]; }
        bool has(int fd) const { return fd >= 0 && static_cast<u32>(fd) < capacity; }
        static usize bytes(u32 capacity) { return sizeof(Slots) + capacity * sizeof(Slot); }
        static Result<Slots*> create(u32 capacity);
        void destroy();
    };
    static void free_slots_rcu(Slots* slots);
    Result<void> grow(usize wanted);
    Result<void> grow_to(u32 wanted);
    u32 capacity_locked() const REQUIRES(lock_);
    u32 copy_slots(FdTable& from);
    Ref<File> take(int fd);
    File* find_shared(int fd);
    u32 find_free_locked(u32 from) const REQUIRES(lock_);
    void free_slot_locked(u32 number) REQUIRES(lock_);
    Slot* slot_locked(int fd) REQUIRES(lock_);

    SpinLock lock_{"files", LockRank::Files};
    RcuPointer<Slots> slots_;               // written under lock_; null until the first descriptor
    u32 first_free_ GUARDED_BY(lock_) = 0;  // no number below it is free
};

/// A file of the calling task for the duration of one system call. While nobody shares the task's
/// table, nobody but the task itself can close the file, so the table's reference serves; otherwise
/// it holds one of its own. The call may not close descriptors meanwhile, nor keep the file: for
/// that, fget(). Linux' struct fd.
class FdFile {
public:
    FdFile(File* file, bool counted) : word_(reinterpret_cast<u64>(file) | u64{counted}) {}
    FdFile(FdFile&& from) : word_(std::exchange(from.word_, 0)) {}
    ~FdFile() {
        if (word_ & kCounted) [[unlikely]] {
            Ref<File>::adopt(get()).reset();
        }
    }
    File* get() const { return reinterpret_cast<File*>(word_ & ~kCounted); }
    File& operator*() const { return *get(); }
    File* operator->() const { return get(); }

private:
    static constexpr u64 kCounted = 1;
    u64 word_;
};

/// EBADF.
Result<FdFile> fdget(int fd);

/// As fdget(), with a reference of its own.
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
