// The counter behind an eventfd. Its largest value is 2^64 - 2; a write that would go beyond waits.
#include "ipc/eventfd.h"

#include "abi/epoll.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "mm/own.h"

namespace ipc {
namespace {

constexpr u64 kMaxCount = ~u64{0} - 1;

class EventCounter {
public:
    EventCounter(u64 initial, bool is_semaphore) : count_(initial), is_semaphore_(is_semaphore) {}

    Result<u64> take(bool nonblocking) {
        IrqGuard guard(lock_);
        while (count_ == 0) {
            if (nonblocking) return EAGAIN;
            TRY(readable_.sleep(lock_));
        }
        const u64 taken = is_semaphore_ ? 1 : count_;
        count_ -= taken;
        writable_.wake_one();  // and all who are not exclusive
        return taken;
    }

    Result<void> add(u64 value, bool nonblocking) {
        IrqGuard guard(lock_);
        while (kMaxCount - count_ < value) {
            if (nonblocking) return EAGAIN;
            TRY(writable_.sleep(lock_));
        }
        count_ += value;
        readable_.wake_one();
        return {};
    }

    u32 poll(fs::PollTable* table) {
        if (table) table->wait_on(readable_);
        if (table) table->wait_on(writable_);
        IrqGuard guard(lock_);
        return (count_ > 0 ? abi::POLLIN | abi::POLLRDNORM : 0) |
               (count_ < kMaxCount ? abi::POLLOUT | abi::POLLWRNORM : 0);
    }

private:
    SpinLock lock_{"eventfd", LockRank::Pipe};
    u64 count_ GUARDED_BY(lock_);
    const bool is_semaphore_;
    sched::WaitQueue readable_, writable_;
};

EventCounter& counter_of(fs::File& file) { return *static_cast<EventCounter*>(file.private_data); }

class EventfdOperations final : public fs::FileOperations {
public:
    void release(fs::File& file) const override { mm::destroy(&counter_of(file)); }

    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        if (to.remaining() < sizeof(u64)) return EINVAL;
        const u64 taken = TRY(counter_of(file).take(file.is_nonblocking()));
        if (TRY(to.copy_to(&taken, sizeof taken)) < sizeof taken) return EFAULT;
        return sizeof taken;
    }
    Result<usize> write(fs::File& file, IovIter& from, u64&) const override {
        u64 value = 0;
        if (from.remaining() < sizeof value) return EINVAL;
        if (TRY(from.copy_from(&value, sizeof value)) < sizeof value) return EFAULT;
        if (value == ~u64{0}) return EINVAL;
        TRY(counter_of(file).add(value, file.is_nonblocking()));
        return sizeof value;
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        return counter_of(file).poll(table);
    }
    bool is_stream() const override { return true; }
};
constexpr EventfdOperations kEventfdOps;

}  // namespace

Result<Ref<fs::File>> make_eventfd(u32 initial, u32 flags) {
    if (flags & ~(abi::EFD_SEMAPHORE | abi::EFD_CLOEXEC | abi::EFD_NONBLOCK)) return EINVAL;
    auto counter = TRY(mm::make<EventCounter>(initial, (flags & abi::EFD_SEMAPHORE) != 0));
    auto file = TRY(fs::File::open_anonymous(
        "[eventfd]", kEventfdOps, abi::O_RDWR | (flags & abi::EFD_NONBLOCK), counter.get()));
    (void)counter.leak();  // the file's release() destroys it
    return file;
}

}  // namespace ipc
