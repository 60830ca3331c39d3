// A pipe's two ends: see ipc/pipe.h. Opening them is in ipc/fifo.cc.
#include "ipc/pipe.h"

#include "abi/poll.h"
#include "mm/own.h"

namespace ipc {

void (*broken_pipe_hook)() = nullptr;

Pipe::State Pipe::state() {
    IrqGuard guard(lock_);
    return {.head = head_, .tail = tail_, .readers = readers_, .writers = writers_};
}

/// False: empty, and no writer left.
Result<bool> Pipe::wait_for_buffers(bool nonblocking) {
    IrqGuard guard(lock_);
    while (head_ == tail_ && writers_ > 0) {
        if (nonblocking) return EAGAIN;
        TRY(readable_.sleep(lock_));
    }
    return head_ != tail_;
}

/// Returns also when there is no reader left.
Result<void> Pipe::wait_for_slot(bool nonblocking) {
    IrqGuard guard(lock_);
    while (readers_ > 0 && is_full_locked()) {
        if (nonblocking) return EAGAIN;
        TRY(writable_.sleep(lock_));
    }
    return {};
}

// --- pages and buffers: mutex_ is held ---------------------------------------------------------

Result<mm::Page*> Pipe::new_page() {
    if (spare_) return std::exchange(spare_, nullptr);
    return mm::alloc_page(mm::Gfp::Kernel);
}

/// A pipe whose reader keeps up works in one page, which stays in the caches.
void Pipe::put_page(mm::Page& page) {
    if (!spare_ && page.ref_count.load(std::memory_order_relaxed) == 1) {
        spare_ = &page;
    } else {
        mm::put_page(page);
    }
}

/// There is a free slot.
void Pipe::append(const PipeBuffer& buffer) {
    IrqGuard guard(lock_);
    buffer_at(head_) = buffer;
    head_++;
    readable_.wake_one();  // and all who are not exclusive
}

/// The first `bytes` bytes of the first buffer are not needed any more.
void Pipe::take_away(PipeBuffer& buffer, usize bytes) {
    buffer.offset += static_cast<u32>(bytes);
    buffer.length -= static_cast<u32>(bytes);
    if (buffer.length > 0) return;
    put_page(*buffer.page);
    drop_first();
}

/// The first buffer's slot is free; its page has another owner by now.
void Pipe::drop_first() {
    IrqGuard guard(lock_);
    tail_++;
    writable_.wake_one();
}

// --- reading ------------------------------------------------------------------------------------

/// Takes what is there, 0 if nothing is.
Result<usize> Pipe::read_some(IovIter& to) {
    sched::MutexGuard moving(mutex_);
    const State now = state();
    usize done = 0;
    for (u32 at = now.tail; at != now.head && to.remaining() > 0; at++) {
        PipeBuffer& buffer = buffer_at(at);
        const usize piece = std::min<usize>(buffer.length, to.remaining());
        auto moved = to.copy_to(mm::bytes_of(*buffer.page) + buffer.offset, piece);
        if (!moved.ok() && done == 0) return moved.error();
        if (!moved.ok()) break;
        const bool is_packet = buffer.is_packet;
        done += moved.value();
        take_away(buffer, is_packet ? buffer.length : moved.value());
        if (moved.value() < piece || is_packet) break;
    }
    if (done > 0) writers_told_.notify(fs::Ready::Out);
    return done;
}

Result<usize> Pipe::read(IovIter& to, bool nonblocking) {
    if (to.remaining() == 0) return usize{0};
    while (true) {
        const usize taken = TRY(read_some(to));
        if (taken > 0) return taken;
        if (!TRY(wait_for_buffers(nonblocking))) return usize{0};
    }
}

// --- writing ------------------------------------------------------------------------------------

/// Puts `bytes` bytes behind those of the last buffer, if all fit into its page; returns how many.
usize Pipe::grow_last(IovIter& from, const State& now, usize bytes) {
    if (bytes == 0 || now.is_empty()) return 0;
    PipeBuffer& last = buffer_at(now.head - 1);
    const usize end = last.offset + last.length;
    if (!last.may_grow || end + bytes > kPageSize) return 0;
    auto moved = from.copy_from(mm::bytes_of(*last.page) + end, bytes);
    if (!moved.ok()) return 0;  // the next attempt says why
    last.length += static_cast<u32>(moved.value());
    IrqGuard guard(lock_);
    readable_.wake_one();  // each write is an edge, also of what was readable already
    return moved.value();
}

/// A new buffer of up to a page.
Result<usize> Pipe::append_page(IovIter& from, As kind) {
    mm::Page& page = *TRY(new_page());
    auto moved = from.copy_from(mm::bytes_of(page), std::min(kPageSize, from.remaining()));
    if (!moved.ok()) {
        put_page(page);
        return moved.error();
    }
    const bool is_packet = kind == As::Packets;
    append({&page, 0, static_cast<u32>(moved.value()), !is_packet, is_packet});
    return moved.value();
}

/// Puts in as much as fits; 0 if there is no room. `is_first`: nothing of the same write is in yet.
Result<usize> Pipe::write_some(IovIter& from, As kind, bool is_first) {
    sched::MutexGuard moving(mutex_);
    const State now = state();
    if (now.readers == 0) return EPIPE;
    usize done = 0;
    if (is_first && kind == As::Bytes) {
        done = grow_last(from, now, from.remaining() % kPageSize);
    }
    for (u32 free = free_slots(now); free > 0 && from.remaining() > 0; free--) {
        const usize wanted = std::min(kPageSize, from.remaining());
        auto put = append_page(from, kind);
        if (!put.ok() && done == 0) return put.error();
        if (!put.ok()) break;
        done += put.value();
        if (put.value() < wanted) break;
    }
    if (done > 0) readers_told_.notify(fs::Ready::In);
    return done;
}

Result<usize> Pipe::write(IovIter& from, bool nonblocking, As kind) {
    usize written = 0;
    while (from.remaining() > 0) {
        auto put = write_some(from, kind, written == 0);
        if (put.ok() && put.value() > 0) {
            written += put.value();
            continue;
        }
        const auto waited = put.ok() ? wait_for_slot(nonblocking) : put.error();
        if (waited.ok()) continue;
        if (written == 0) return waited.error();
        if (waited.error() == EPIPE && broken_pipe_hook) broken_pipe_hook();
        break;
    }
    return written;
}

// --- poll, and who is there
// -----------------------------------------------------------------------

usize Pipe::bytes() {
    sched::MutexGuard moving(mutex_);
    const State now = state();
    usize sum = 0;
    for (u32 at = now.tail; at != now.head; at++) sum += buffer_at(at).length;
    return sum;
}

u32 Pipe::poll(bool for_read, bool for_write, fs::PollTable* table) {
    if (table && for_read) table->wait_on(readable_);
    if (table && for_write) table->wait_on(writable_);

    IrqGuard guard(lock_);
    u32 events = 0;
    if (for_read) {
        if (head_ != tail_) events |= abi::POLLIN | abi::POLLRDNORM;
        if (writers_ == 0 && writer_opens_ > 0) events |= abi::POLLHUP;
    }
    if (for_write) {
        if (!is_full_locked()) events |= abi::POLLOUT | abi::POLLWRNORM;
        if (readers_ == 0) events |= abi::POLLERR;
    }
    return events;
}

Pipe::Partner Pipe::partner_of(u32 access) const {
    return access & 1 ? Partner{writers_ > 0, writer_opens_} : Partner{readers_ > 0, reader_opens_};
}

Pipe::Partner Pipe::add_end(u32 access) {
    IrqGuard guard(lock_);
    const Partner partner = partner_of(access);
    if (access & 1) readers_++, reader_opens_++;
    if (access & 2) writers_++, writer_opens_++;
    opened_.wake_all();
    return partner;
}

void Pipe::remove_end(u32 access) {
    bool one_side_left;
    {
        IrqGuard guard(lock_);
        if (access & 1) readers_--;
        if (access & 2) writers_--;
        one_side_left = (readers_ == 0) != (writers_ == 0);
        readable_.wake_all();
        writable_.wake_all();
    }
    if (!one_side_left) return;
    readers_told_.notify(fs::Ready::In);
    writers_told_.notify(fs::Ready::Out);
}

Result<void> Pipe::set_async(fs::File& file, int fd, bool on) {
    if (file.may_read()) TRY(readers_told_.set(file, fd, on));
    if (!file.may_write()) return {};
    const Result<void> set = writers_told_.set(file, fd, on);
    if (!set.ok() && file.may_read()) (void)readers_told_.set(file, fd, false);
    return set;
}

Result<void> Pipe::wait_for_partner(u32 access, Partner then) {
    if (then.present) return {};
    IrqGuard guard(lock_);
    for (;;) {
        const Partner now = partner_of(access);
        if (now.present || now.opens != then.opens) return {};
        TRY(opened_.sleep(lock_));
    }
}

}  // namespace ipc
