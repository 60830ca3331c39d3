/// Pty: a terminal whose other end is a program (sshd, script, a test) instead of a wire.
/// Linux: drivers/tty/pty.c, fs/devpts.
///
/// The *slave* is an ordinary Tty, /dev/pts/N. The *master* is an open file of /dev/ptmx: what it
/// writes is what the slave's line discipline receives, what the slave writes the master reads.
/// Between them there is one ring; the lock is the slave's.
///
/// Pairs are made when first needed and then reused, never freed (see tty.h). One is free when
/// neither side has it open. `generation` counts its lives, so that a directory entry of an
/// earlier one is recognised.
#pragma once

#include "drivers/tty/tty.h"
#include "lib/ring_buffer.h"

namespace tty {

class Pty final : public TtyPort {
public:
    static constexpr u32 kMaxPtys = 64;
    static constexpr u32 kSlaveMajor = 136;

    Pty(u32 index, Tty::Buffers buffers);

    /// A pair that nobody uses, now with a master (locked until TIOCSPTLCK). ENOSPC, ENOMEM.
    static Result<Pty*> allocate();
    /// The pair numbered `index` if it has a master, else null.
    static Pty* find(u32 index);

    /// The master is closed: the slave is hung up.
    void close_master();

    // The master's side. EAGAIN, ERESTARTSYS; EIO from read when the last slave was closed.
    Result<usize> master_read(IovIter& to, bool nonblocking);
    Result<usize> master_write(IovIter& from, bool nonblocking);
    u32 master_poll(fs::PollTable* table);
    i32 bytes_for_master();

    const u32 index;
    Tty slave;
    u32 generation = 0;                // of the pair's lives
    bool has_master = false;           // guarded by the table's lock
    u32 owner_uid = 0, owner_gid = 0;  // of /dev/pts/N

    // tty::TtyPort: what the slave writes
    usize write_room() const override { return ring_.room(); }
    usize write(std::span<const u8> bytes) override { return ring_.push(std::as_bytes(bytes)); }
    void start() override;
    void set_stopped(bool stopped) override;
    void discard_output() override { ring_.clear(); }
    usize chars_in_buffer() const override { return 0; }  // drained at once, as on Linux
    void send_xchar(u8 byte) override;
    void set_throttled(bool throttled) override;
    Result<void> activate() override;
    void shutdown() override;

private:
    void start_life();
    Result<usize> take(std::span<std::byte> room, bool nonblocking);
    Result<usize> feed(std::span<const u8> bytes, bool nonblocking, Tty::Signals& signals)
        REQUIRES(slave.lock);

    RingBuffer<4096> ring_;
    sched::WaitQueue master_wait_;
    bool stopped_ = false;
    bool slave_closed_ = false;  // was open, is not any more
    char name_[12] = {};
};

/// Registers /dev/ptmx. EBUSY, ENOMEM.
Result<void> init_ptys();

/// How files of /dev/pts/N are opened: devpts.cc puts it into their inodes.
extern const fs::FileOperations& pts_node_operations;

}  // namespace tty
