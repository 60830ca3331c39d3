/// Pipe: bytes on their way from writers to readers, in the order they were written. The same
/// object is behind pipe(2) and behind a fifo while somebody has it open. Linux: fs/pipe.c.
///
/// It is a ring of buffers (PipeBuffer), each a part of a page. A write fills whole pages, but
/// first what is free in the last one, if all of the write's odd bytes fit there; so small writes
/// share pages. splice() and tee() hand buffers on without copying, so a page may be in several
/// pipes; a packet (O_DIRECT) has a buffer of its own.
///
/// Locks: `mutex_` is held while bytes are moved (user memory may fault, so it must be one that
/// sleeps) and makes a write of up to PIPE_BUF bytes atomic. `head_`, `tail_` and the counts of
/// readers and writers change under `lock_` too, which is the one that sleepers give up: mutex_ is
/// never held while waiting for the other side.
///
/// Invariants: 1. head_ - tail_ <= slot_count_, a power of two. 2. The buffer of each position from
/// tail_ up to head_ has a page and at least one byte.
///
/// Where things are: pipe.cc reading and writing; pipe_size.cc the ring's size and who pays for it;
/// pipe_splice.cc between pipes and files; fifo.cc open files.
#pragma once

#include "fs/file.h"
#include "mm/page.h"
#include "sched/user.h"

namespace ipc {

inline constexpr usize kPipeBuf = 4096;             // PIPE_BUF: writes up to it are not torn
inline constexpr usize kPipeDefaultSize = 1 << 16;  // F_GETPIPE_SZ of a new one
inline constexpr u32 kPipeFewSlots = 2;             // of a new one of a user who has too many

/// /proc/sys/fs: what who is not privileged may ask for, in bytes; and how many pages the pipes of
/// such a user may have until new ones are small, and until there are none. 0: no limit.
extern constinit std::atomic<u32> pipe_max_size, pipe_user_pages_soft, pipe_user_pages_hard;

/// Sends the running task SIGPIPE: process/ does. For a write that finds the last reader gone when
/// a part of it has been read, so that EPIPE cannot be its outcome.
extern void (*broken_pipe_hook)();

struct PipeBuffer {
    mm::Page* page;  // one reference
    u32 offset, length;
    bool may_grow;   // the rest of the page is ours, and free
    bool is_packet;  // what a read leaves of it is lost
};

class Pipe {
public:
    /// For the running task's user. ENOMEM; ENFILE: the user has too many.
    static Result<Pipe*> create();

    /// Takes up to to.remaining() bytes out, or a packet, waiting until there is at least one byte.
    /// 0: empty and no writer left. EAGAIN instead of waiting if `nonblocking`; ERESTARTSYS;
    /// EFAULT.
    Result<usize> read(IovIter& to, bool nonblocking);

    /// Puts all of `from` in, waiting for room; up to PIPE_BUF bytes in one piece. Less only after
    /// an error that came too late to be reported. EPIPE if no reader is left (the caller sends
    /// SIGPIPE), EAGAIN, ERESTARTSYS, EFAULT, ENOMEM.
    enum class As : u8 { Bytes, Packets };
    Result<usize> write(IovIter& from, bool nonblocking, As kind);

    usize bytes();     // in it now: FIONREAD
    usize capacity();  // F_GETPIPE_SZ

    /// F_SETPIPE_SZ: rounds up to a power of two pages. EBUSY if more is in it, EPERM beyond
    /// pipe_max_size or what the user may have, EINVAL beyond 2^31, ENOMEM. Returns the new size.
    Result<usize> set_capacity(usize wanted);

    // --- between pipes and files; all return how many bytes went through, at most `count`

    /// Gives `sink` what is in the pipe, piece by piece, waiting for the first byte. It says how
    /// many bytes it took; fewer than it got, 0 or an error end the call. Errors as read(), and the
    /// sink's if nothing went through. The pipe is locked while the sink works.
    using Sink = Result<usize> (*)(void* context, std::span<const std::byte> bytes);
    Result<usize> drain(usize count, bool nonblocking, Sink sink, void* context);

    /// Has `source` fill new pages for the pipe, as many as there is room for, waiting for the
    /// first. It says how many bytes it wrote; fewer than wanted, 0 or an error end the call.
    /// Errors as write(), and the source's if nothing went through.
    using Source = Result<usize> (*)(void* context, std::span<std::byte> room);
    Result<usize> fill(usize count, bool nonblocking, Source source, void* context);

    /// Buffers from one pipe to another, which is not the same: they move, or both have them (tee).
    /// Waits until there is something and room for it. 0: empty and no writer left. EPIPE, EAGAIN,
    /// ERESTARTSYS.
    enum class Keep : u8 { No, Yes };
    static Result<usize> pass_on(Pipe& from, Pipe& to, usize count, bool nonblocking, Keep keep);

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

    /// O_ASYNC of an end. ENOMEM.
    Result<void> set_async(fs::File& file, int fd, bool on);

    RefCount ref_count;
    static void release(Pipe* pipe);

private:
    struct State {
        u32 head, tail;
        u32 readers, writers;
        bool is_empty() const { return head == tail; }
    };
    Pipe() = default;
    State state() EXCLUDES(lock_);
    bool is_full_locked() const REQUIRES(lock_) { return head_ - tail_ == slot_count_; }
    Partner partner_of(u32 access) const REQUIRES(lock_);
    Result<bool> wait_for_buffers(bool nonblocking);
    Result<void> wait_for_slot(bool nonblocking);

    // With mutex_ held.
    PipeBuffer& buffer_at(u32 position) { return buffers_[position & (slot_count_ - 1)]; }
    u32 free_slots(const State& now) const { return slot_count_ - (now.head - now.tail); }
    Result<mm::Page*> new_page();
    void put_page(mm::Page& page);
    void append(const PipeBuffer& buffer);
    void take_away(PipeBuffer& buffer, usize bytes);
    void drop_first();
    usize grow_last(IovIter& from, const State& now, usize bytes);
    Result<usize> append_page(IovIter& from, As kind);
    Result<usize> read_some(IovIter& to);
    Result<usize> write_some(IovIter& from, As kind, bool is_first);
    Result<usize> drain_some(const State& now, usize count, Sink sink, void* context);
    Result<usize> fill_some(const State& now, usize count, Source source, void* context);
    usize pass_some(Pipe& to, usize count, Keep keep);
    Result<void> set_slots(u32 count);

    sched::Mutex mutex_{"pipe"};
    PipeBuffer* buffers_ = nullptr;  // mutex_
    mm::Page* spare_ = nullptr;      // the last page that became free; mutex_
    u32 slot_count_ = 0;             // changes under both locks
    Ref<sched::UserStruct> payer_;   // whose pages these are: counted by slots

    SpinLock lock_{"pipe", LockRank::Pipe};
    u32 head_ GUARDED_BY(lock_) = 0, tail_ GUARDED_BY(lock_) = 0;  // change under both locks
    u32 readers_ GUARDED_BY(lock_) = 0, writers_ GUARDED_BY(lock_) = 0;
    u32 reader_opens_ GUARDED_BY(lock_) = 0, writer_opens_ GUARDED_BY(lock_) = 0;  // ever
    sched::WaitQueue readable_, writable_;  // something to read, or room; also ends that vanish
    sched::WaitQueue opened_;               // the open of a fifo waits here
    fs::FasyncList readers_told_, writers_told_;
};

/// pipe2(2): a read end and a write end of a new pipe. `flags`: O_NONBLOCK, O_DIRECT. ENOMEM,
/// ENFILE.
struct PipeEnds {
    Ref<fs::File> reader, writer;
};
Result<PipeEnds> make_pipe(u32 flags);

/// The pipe behind an open file, or null if it is none.
Pipe* pipe_of(const fs::File& file);

}  // namespace ipc
