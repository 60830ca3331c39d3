// The ring of a pipe: see ipc/pipe.h. Opening its ends is in ipc/fifo.cc.
#include "ipc/pipe.h"

#include <bit>

#include "abi/poll.h"
#include "lib/string.h"
#include "mm/own.h"

namespace ipc {

Result<Pipe*> Pipe::create() {
    constexpr u32 kPages = kPipeDefaultSize / kPageSize;
    void* table = TRY(mm::kmalloc(kPages * sizeof(mm::Page*), mm::Gfp::Kernel | mm::Gfp::Zero));
    auto memory = mm::kmalloc(sizeof(Pipe), mm::Gfp::Kernel);
    if (!memory.ok()) {
        mm::kfree(table);
        return ENOMEM;
    }
    Pipe* pipe = new (memory.value()) Pipe();
    pipe->pages_ = static_cast<mm::Page**>(table);
    pipe->page_count_ = kPages;
    return pipe;
}

void Pipe::release(Pipe* pipe) {
    pipe->free_pages_from(0);
    mm::kfree(pipe->pages_);
    mm::destroy(pipe);
}

/// Gives back the pages from index `first` on; nothing in them is needed. mutex_ is held, or the
/// pipe is dying.
void Pipe::free_pages_from(u32 first) {
    for (u32 i = first; i < page_count_; i++) {
        if (pages_[i]) mm::put_page(*std::exchange(pages_[i], nullptr));
    }
}

Pipe::State Pipe::state() {
    IrqGuard guard(lock_);
    return {.head = head_, .tail = tail_, .readers = readers_, .writers = writers_};
}

Result<usize> Pipe::wait_for_bytes(bool nonblocking) {
    IrqGuard guard(lock_);
    while (head_ == tail_ && writers_ > 0) {
        if (nonblocking) return EAGAIN;
        TRY(readable_.sleep(lock_));
    }
    return head_ - tail_;
}

Result<void> Pipe::wait_for_room(usize wanted, bool nonblocking) {
    IrqGuard guard(lock_);
    while (readers_ > 0 && space_locked() < wanted) {
        if (nonblocking) return EAGAIN;
        TRY(writable_.sleep(lock_));
    }
    return {};
}

/// Copies up to `bytes` bytes from position `at` on. mutex_ is held.
Result<usize> Pipe::copy_out(IovIter& to, u64 at, usize bytes) {
    usize done = 0;
    while (done < bytes) {
        const usize offset = (at + done) % kPageSize;
        const usize piece = std::min(bytes - done, kPageSize - offset);
        mm::Page* page = pages_[(at + done) / kPageSize % page_count_];
        auto moved = to.copy_to(mm::bytes_of(*page) + offset, piece);
        if (!moved.ok()) {
            if (done > 0) break;
            return moved.error();
        }
        done += moved.value();
        if (moved.value() < piece) break;
    }
    return done;
}

/// Copies up to `bytes` bytes to position `at` and behind. mutex_ is held.
Result<usize> Pipe::copy_in(IovIter& from, u64 at, usize bytes) {
    usize done = 0;
    while (done < bytes) {
        mm::Page*& page = pages_[(at + done) / kPageSize % page_count_];
        if (!page) {
            auto fresh = mm::alloc_page(mm::Gfp::Kernel);
            if (!fresh.ok() && done > 0) break;
            page = TRY(std::move(fresh));
        }
        const usize offset = (at + done) % kPageSize;
        const usize piece = std::min(bytes - done, kPageSize - offset);
        auto moved = from.copy_from(mm::bytes_of(*page) + offset, piece);
        if (!moved.ok()) {
            if (done > 0) break;
            return moved.error();
        }
        done += moved.value();
        if (moved.value() < piece) break;
    }
    return done;
}

/// Takes what is there, 0 if nothing is.
Result<usize> Pipe::read_some(IovIter& to) {
    sched::MutexGuard copying(mutex_);
    const State now = state();
    if (now.head == now.tail) return usize{0};

    const usize taken = TRY(copy_out(to, now.tail, std::min(to.remaining(), now.head - now.tail)));
    bool is_empty = false;
    {
        IrqGuard guard(lock_);
        tail_ += taken;
        is_empty = head_ == tail_;
        if (is_empty) head_ = tail_ = 0;
        writable_.wake_all();
    }
    if (is_empty) free_pages_from(1);
    return taken;
}

Result<usize> Pipe::read(IovIter& to, bool nonblocking) {
    if (to.remaining() == 0) return usize{0};
    while (true) {
        const usize taken = TRY(read_some(to));
        if (taken > 0) return taken;
        if (TRY(wait_for_bytes(nonblocking)) == 0) return usize{0};
    }
}

/// Puts in as much as fits; nothing, and returns 0, if there is less room than `least`.
Result<usize> Pipe::write_some(IovIter& from, usize least) {
    sched::MutexGuard copying(mutex_);
    const State now = state();
    if (now.readers == 0) return EPIPE;
    const usize room = page_count_ * kPageSize - (now.head - now.tail);
    if (room < least) return usize{0};

    const usize put = TRY(copy_in(from, now.head, std::min(room, from.remaining())));
    IrqGuard guard(lock_);
    head_ += put;
    readable_.wake_all();
    return put;
}

Result<usize> Pipe::write(IovIter& from, bool nonblocking) {
    const bool is_atomic = from.remaining() <= kPipeBuf;
    usize written = 0;
    while (from.remaining() > 0) {
        const usize least = is_atomic ? from.remaining() : 1;
        auto put = write_some(from, least);
        if (put.ok() && put.value() > 0) {
            written += put.value();
            continue;
        }
        const auto waited = put.ok() ? wait_for_room(least, nonblocking) : put.error();
        if (waited.ok()) continue;
        if (written > 0) break;
        return waited.error();
    }
    return written;
}

usize Pipe::bytes() {
    IrqGuard guard(lock_);
    return head_ - tail_;
}

usize Pipe::capacity() {
    sched::MutexGuard guard(mutex_);
    return page_count_ * kPageSize;
}

Result<usize> Pipe::set_capacity(usize wanted) {
    if (wanted == 0 || wanted > (1u << 31)) return EINVAL;
    if (wanted > kPipeMaxSize) return EPERM;
    const u32 count = std::bit_ceil((wanted + kPageSize - 1) / kPageSize);
    auto* table = static_cast<mm::Page**>(
        TRY(mm::kmalloc(count * sizeof(mm::Page*), mm::Gfp::Kernel | mm::Gfp::Zero)));

    sched::MutexGuard copying(mutex_);
    auto moved = move_to(table, count);
    if (!moved.ok()) {
        for (u32 i = 0; i < count; i++) {
            if (table[i]) mm::put_page(*table[i]);
        }
        mm::kfree(table);
        return moved.error();
    }
    return count * kPageSize;
}

/// Copies what is in the pipe to the beginning of another ring, which replaces this one.
Result<void> Pipe::move_to(mm::Page** table, u32 count) {
    const State now = state();
    const usize bytes = now.head - now.tail;
    if (bytes > count * kPageSize) return EBUSY;
    for (usize done = 0; done < bytes;) {
        if (done % kPageSize == 0) table[done / kPageSize] = TRY(mm::alloc_page(mm::Gfp::Kernel));
        const u64 from = now.tail + done;
        const usize in_pages = std::min(kPageSize - from % kPageSize, kPageSize - done % kPageSize);
        const usize piece = std::min(bytes - done, in_pages);
        memcpy(mm::bytes_of(*table[done / kPageSize]) + done % kPageSize,
               mm::bytes_of(*pages_[from / kPageSize % page_count_]) + from % kPageSize, piece);
        done += piece;
    }
    free_pages_from(0);
    mm::kfree(std::exchange(pages_, table));
    IrqGuard guard(lock_);
    page_count_ = count;
    tail_ = 0;
    head_ = bytes;
    writable_.wake_all();
    return {};
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
        if (space_locked() >= kPipeBuf) events |= abi::POLLOUT | abi::POLLWRNORM;
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
    IrqGuard guard(lock_);
    if (access & 1) readers_--;
    if (access & 2) writers_--;
    readable_.wake_all();
    writable_.wake_all();
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
