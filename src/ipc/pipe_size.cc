// How large a pipe's ring is, and who pays for it: /proc/sys/fs/pipe-*. See: pipe(7).
#include "abi/prctl.h"
#include "ipc/pipe.h"
#include "mm/own.h"
#include "sched/task.h"

#include <bit>

namespace ipc {

constinit std::atomic<u32> pipe_max_size{1 << 20};
constinit std::atomic<u32> pipe_user_pages_soft{16 * 1024}, pipe_user_pages_hard{0};

namespace {

bool is_unlimited() {
    return sched::capable(abi::CAP_SYS_RESOURCE) || sched::capable(abi::CAP_SYS_ADMIN);
}

bool is_beyond(u64 pages, const std::atomic<u32>& limit) {
    const u32 most = limit.load(std::memory_order_relaxed);
    return most != 0 && pages > most;
}

/// How many pages the user's pipes have, now that there are `more` of them. Null: the kernel.
u64 charge(sched::UserStruct* user, i64 more) {
    if (user == nullptr) return 0;
    const u64 change = static_cast<u64>(more);
    return user->pipe_pages.fetch_add(change, std::memory_order_relaxed) + change;
}

/// As many slots as the user gets for a new pipe; they are charged. ENFILE: none.
Result<u32> charge_new_pipe(sched::UserStruct* user) {
    u32 slots = std::min<u32>(kPipeDefaultSize, pipe_max_size) / kPageSize;
    u64 pages = charge(user, slots);
    if (is_beyond(pages, pipe_user_pages_soft) && !is_unlimited()) {
        pages = charge(user, i64{kPipeFewSlots} - slots);
        slots = kPipeFewSlots;
    }
    if (is_beyond(pages, pipe_user_pages_hard) && !is_unlimited()) {
        charge(user, -i64{slots});
        return ENFILE;
    }
    return u32{slots};
}

Result<PipeBuffer*> alloc_buffers(u32 slots) {
    return static_cast<PipeBuffer*>(TRY(mm::kmalloc(slots * sizeof(PipeBuffer), mm::Gfp::Kernel)));
}

}  // namespace

Result<Pipe*> Pipe::create() {
    sched::UserStruct* const user = sched::current().user;
    const u32 slots = TRY(charge_new_pipe(user));
    auto memory = mm::kmalloc(sizeof(Pipe), mm::Gfp::Kernel);
    auto buffers = memory.ok() ? alloc_buffers(slots) : ENOMEM;
    if (!buffers.ok()) {
        if (memory.ok()) mm::kfree(memory.value());
        charge(user, -i64{slots});
        return ENOMEM;
    }
    Pipe* pipe = new (memory.value()) Pipe();
    pipe->buffers_ = buffers.value();
    pipe->slot_count_ = slots;
    if (user) pipe->payer_ = Ref<sched::UserStruct>::share(user);
    return pipe;
}

void Pipe::release(Pipe* pipe) {
    const State now = pipe->state();
    for (u32 at = now.tail; at != now.head; at++) mm::put_page(*pipe->buffer_at(at).page);
    if (pipe->spare_) mm::put_page(*pipe->spare_);
    charge(pipe->payer_.get(), -i64{pipe->slot_count_});
    mm::kfree(pipe->buffers_);
    mm::destroy(pipe);
}

usize Pipe::capacity() {
    sched::MutexGuard guard(mutex_);
    return slot_count_ * kPageSize;
}

Result<usize> Pipe::set_capacity(usize wanted) {
    if (wanted > (1u << 31)) return EINVAL;
    const usize pages_wanted = std::max<usize>(1, (wanted + kPageSize - 1) / kPageSize);
    const u32 slots = static_cast<u32>(std::bit_ceil(pages_wanted));
    sched::MutexGuard moving(mutex_);
    const u32 before = slot_count_;
    const bool grows = slots > before;
    if (grows && slots * kPageSize > pipe_max_size && !sched::capable(abi::CAP_SYS_RESOURCE)) {
        return EPERM;
    }
    const u64 pages = charge(payer_.get(), i64{slots} - before);
    const bool is_too_much =
        is_beyond(pages, pipe_user_pages_soft) || is_beyond(pages, pipe_user_pages_hard);
    const Result<void> done = grows && is_too_much && !is_unlimited() ? EPERM : set_slots(slots);
    if (!done.ok()) {
        charge(payer_.get(), i64{before} - slots);
        return done.error();
    }
    return usize{slots} * kPageSize;
}

/// Another ring, with the same buffers. EBUSY: it would not hold them; ENOMEM.
Result<void> Pipe::set_slots(u32 count) {
    const State now = state();
    const u32 used = now.head - now.tail;
    if (used > count) return EBUSY;
    PipeBuffer* const fresh = TRY(alloc_buffers(count));
    for (u32 i = 0; i < used; i++) fresh[i] = buffer_at(now.tail + i);
    mm::kfree(std::exchange(buffers_, fresh));
    IrqGuard guard(lock_);
    slot_count_ = count;
    tail_ = 0;
    head_ = used;
    writable_.wake_all();
    return {};
}

}  // namespace ipc
