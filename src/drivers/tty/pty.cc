/// The pair: allocation, and the way of bytes between the two sides. See pty.h.
#include "drivers/tty/pty.h"

#include "abi/poll.h"
#include "fs/char_dev.h"
#include "lib/format.h"
#include "mm/own.h"
#include "sched/task.h"

namespace tty {

static constexpr usize kInputBytes = 8192;
static constexpr usize kChunk = 256;

static constinit sched::Mutex table_mutex("ptys");
static constinit Pty* table[Pty::kMaxPtys] GUARDED_BY(table_mutex) = {};

Pty::Pty(u32 number, Tty::Buffers buffers)
    : index(number), slave(name_, fs::make_dev(kSlaveMajor, number), *this, buffers) {
    format_to(name_, "pts/%u", number);
}

static Result<Pty*> make_pty(u32 index) {
    auto* input = static_cast<u8*>(TRY(mm::kmalloc(kInputBytes, mm::Gfp::Kernel)));
    Result<void*> marks = mm::kmalloc(kInputBytes / 8, mm::Gfp::Kernel | mm::Gfp::Zero);
    if (!marks.ok()) {
        mm::kfree(input);
        return marks.error();
    }
    const Tty::Buffers buffers{{input, kInputBytes},
                               {static_cast<u64*>(marks.value()), kInputBytes / 64}};
    auto pty = mm::make<Pty>(index, buffers);
    if (pty.ok()) return pty.value().leak();
    mm::kfree(input);
    mm::kfree(marks.value());
    return pty.error();
}

void Pty::start_life() {
    IrqGuard guard(slave.lock);
    generation++;
    has_master = true;
    owner_uid = sched::current().cred.fsuid;
    owner_gid = sched::current().cred.fsgid;
    slave.locked = true;
    slave.other_end_closed = false;
    slave.window = {};
    slave.ldisc.flush_input();
    slave.ldisc.set_flow_stopped(false);
    slave.change_settings_locked(Tty::initial_settings());
    ring_.clear();
    stopped_ = slave_closed_ = false;
}

Result<Pty*> Pty::allocate() {
    sched::MutexGuard guard(table_mutex);
    for (u32 index = 0; index < kMaxPtys; index++) {
        Pty*& pty = table[index];
        if (pty && (pty->has_master || pty->slave.open_count > 0)) continue;
        if (!pty) pty = TRY(make_pty(index));
        pty->start_life();
        return pty;
    }
    return ENOSPC;
}

Pty* Pty::find(u32 index) {
    sched::MutexGuard guard(table_mutex);
    if (index >= kMaxPtys || !table[index] || !table[index]->has_master) return nullptr;
    return table[index];
}

void Pty::close_master() {
    {
        IrqGuard guard(slave.lock);
        slave.other_end_closed = true;
    }
    slave.hangup();
    sched::MutexGuard guard(table_mutex);
    has_master = false;
}

// --- from the slave to the master
// -----------------------------------------------------------------

void Pty::start() {
    if (!stopped_ && !ring_.empty()) master_wait_.wake_all();
}

void Pty::set_stopped(bool stopped) {
    stopped_ = stopped;
    start();
}

void Pty::send_xchar(u8 byte) {
    if (byte != abi::kDisabledChar) ring_.push(static_cast<std::byte>(byte));
    start();
}

Result<void> Pty::activate() {
    slave_closed_ = false;
    return {};
}

void Pty::shutdown() {
    slave_closed_ = true;
    master_wait_.wake_all();
}

/// Waits for bytes and takes some.
Result<usize> Pty::take(std::span<std::byte> room, bool nonblocking) {
    IrqGuard guard(slave.lock);
    while (stopped_ || ring_.empty()) {
        if (slave_closed_ && ring_.empty()) return EIO;
        if (nonblocking) return EAGAIN;
        TRY(master_wait_.sleep(slave.lock));
    }
    const usize count = ring_.pop(room);
    slave.output_drained_locked();
    return count;
}

Result<usize> Pty::master_read(IovIter& to, bool nonblocking) {
    std::byte chunk[kChunk];
    usize got = 0;
    while (to.remaining() > 0) {
        const std::span room(chunk, std::min(kChunk, to.remaining()));
        Result<usize> count = take(room, nonblocking || got > 0);
        if (!count.ok()) return got > 0 ? Result<usize>(got) : count.error();
        Result<usize> copied = to.copy_to(chunk, count.value());
        if (!copied.ok()) return got > 0 ? Result<usize>(got) : copied.error();
        got += copied.value();
        if (copied.value() < count.value()) break;
    }
    return got;
}

// --- from the master to the slave
// -----------------------------------------------------------------

void Pty::set_throttled(bool throttled) {
    if (!throttled) master_wait_.wake_all();
}

/// Gives the line discipline as many bytes as it has room for, at least one.
Result<usize> Pty::feed(std::span<const u8> bytes, bool nonblocking, Tty::Signals& signals) {
    while (!slave.ldisc.has_room()) {
        if (nonblocking) return EAGAIN;
        TRY(master_wait_.sleep(slave.lock));
    }
    usize fed = 0;
    while (fed < bytes.size() && slave.ldisc.has_room()) slave.ldisc.receive(bytes[fed++]);
    signals = slave.input_arrived_locked();
    return fed;
}

Result<usize> Pty::master_write(IovIter& from, bool nonblocking) {
    u8 chunk[kChunk];
    usize written = 0;
    while (from.remaining() > 0) {
        Result<usize> copied = from.copy_from(chunk, std::min(kChunk, from.remaining()));
        if (!copied.ok()) return written > 0 ? Result<usize>(written) : copied.error();
        std::span<const u8> rest = std::span(chunk).first(copied.value());
        while (!rest.empty()) {
            Tty::Signals signals;
            {
                IrqGuard guard(slave.lock);
                Result<usize> fed = feed(rest, nonblocking, signals);
                if (!fed.ok()) return written > 0 ? Result<usize>(written) : fed.error();
                written += fed.value();
                rest = rest.subspan(fed.value());
            }
            Tty::send_signals(signals);
        }
    }
    return written;
}

i32 Pty::bytes_for_master() {
    IrqGuard guard(slave.lock);
    return static_cast<i32>(ring_.size());
}

u32 Pty::master_poll(fs::PollTable* table) {
    using namespace abi;
    if (table) table->wait_on(master_wait_);
    IrqGuard guard(slave.lock);
    u32 events = 0;
    if (!stopped_ && !ring_.empty()) events |= POLLIN | POLLRDNORM;
    if (slave.ldisc.has_room()) events |= POLLOUT | POLLWRNORM;
    if (slave_closed_) events |= POLLHUP;
    return events;
}

}  // namespace tty
