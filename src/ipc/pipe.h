/// Pipe: bytes on their way from writers to readers, in the order they were written. The same
/// object is behind pipe(2) and behind a fifo while somebody has it open. Linux: fs/pipe.c.
///
/// The bytes lie in a ring of pages. `head_` and `tail_` count bytes ever written and read, so
/// `head_ - tail_` is what is in the pipe, and position p lies in page (p / page size) modulo the
/// number of pages. Whenever the pipe runs empty both go back to 0: a pipe whose reader keeps up
/// works in one page, which stays in the caches.
///
/// Locks: `mutex_` is held while bytes are copied (user memory may fault, so it must be one that
/// sleeps) and makes a write of up to PIPE_BUF bytes atomic. Positions and the counts of readers
/// and writers change under `lock_` too, which is the one that sleepers give up: mutex_ is never
/// held while waiting.
///
/// Invariants: 1. head_ - tail_ <= capacity. 2. every page between tail_ and head_ is allocated.
#pragma once

#include "fs/file.h"
#include "mm/page.h"

namespace ipc {

inline constexpr usize kPipeBuf = 4096;             // PIPE_BUF: writes up to it are not torn
inline constexpr usize kPipeDefaultSize = 1 << 16;  // F_GETPIPE_SZ of a new one
inline constexpr usize kPipeMaxSize = 1 << 20;      // /proc/sys/fs/pipe-max-size

class Pipe {
public:
    static Result<Pipe*> create();  // ENOMEM

    /// Takes up to to.remaining() bytes out, waiting until there is at least one. 0: empty and no
    /// writer left. EAGAIN instead of waiting if `nonblocking`; ERESTARTSYS; EFAULT.
    Result<usize> read(IovIter& to, bool nonblocking);

    /// Puts all of `from` in, waiting for room; up to PIPE_BUF bytes in one piece. Less only after
    /// an error that came too late to be reported. EPIPE if no reader is left (the caller sends
    /// SIGPIPE), EAGAIN, ERESTARTSYS, EFAULT, ENOMEM.
    Result<usize> write(IovIter& from, bool nonblocking);

    usize bytes();     // in it now: FIONREAD
    usize capacity();  // F_GETPIPE_SZ

    /// F_SETPIPE_SZ: rounds up to a power of two pages. EBUSY if more bytes are in it, EPERM
    /// beyond kPipeMaxSize, EINVAL for 0, ENOMEM. Returns the new size.
    Result<usize> set_capacity(usize wanted);

    /// What poll(2) says to one end, registering with `table`.
    u32 poll(bool for_read, bool for_write, fs::PollTable* table);

    /// The other side of an end at the moment when that end was opened.
    struct Partner {
        bool present;
        u32 opens;  // how often the other side had ever been opened
    };

    /// Openings and closings of ends; `access` as in File. The partner is that of a reader or of a
    /// writer; who is both needs none.
    Partner add_end(u32 access);
    void remove_end(u32 access);

    /// For the open of a fifo: waits until the other end is open too, or has been since `then`: it
    /// may come, write and go before we look again. ERESTARTSYS.
    Result<void> wait_for_partner(u32 access, Partner then);

    RefCount ref_count;
    static void release(Pipe* pipe);

private:
    struct State {
        u64 head, tail;
        u32 readers, writers;
    };
    Pipe() = default;
    State state() EXCLUDES(lock_);
    usize space_locked() REQUIRES(lock_) { return page_count_ * kPageSize - (head_ - tail_); }
    Partner partner_of(u32 access) const REQUIRES(lock_);
    Result<usize> wait_for_bytes(bool nonblocking);
    Result<void> wait_for_room(usize wanted, bool nonblocking);
    Result<usize> read_some(IovIter& to);
    Result<usize> write_some(IovIter& from, usize least);
    Result<usize> copy_out(IovIter& to, u64 at, usize bytes);
    Result<usize> copy_in(IovIter& from, u64 at, usize bytes);
    Result<void> move_to(mm::Page** table, u32 count);
    void free_pages_from(u32 first);

    sched::Mutex mutex_{"pipe"};
    mm::Page** pages_ = nullptr;  // page_count_ of them, null where none is allocated: mutex_
    u32 page_count_ = 0;          // changes under both locks

    SpinLock lock_{"pipe", LockRank::Pipe};
    u64 head_ GUARDED_BY(lock_) = 0;  // bytes ever written since the last time it was empty
    u64 tail_ GUARDED_BY(lock_) = 0;  // bytes ever read since then
    u32 readers_ GUARDED_BY(lock_) = 0, writers_ GUARDED_BY(lock_) = 0;
    u32 reader_opens_ GUARDED_BY(lock_) = 0, writer_opens_ GUARDED_BY(lock_) = 0;  // ever
    sched::WaitQueue readable_, writable_;  // something to read, or room; also ends that vanish
    sched::WaitQueue opened_;               // the open of a fifo waits here
};

/// pipe2(2): a read end and a write end of a new pipe. `flags`: O_NONBLOCK. ENOMEM, ENFILE.
struct PipeEnds {
    Ref<fs::File> reader, writer;
};
Result<PipeEnds> make_pipe(u32 flags);

/// The pipe behind an open file, or null if it is none.
Pipe* pipe_of(const fs::File& file);

}  // namespace ipc
