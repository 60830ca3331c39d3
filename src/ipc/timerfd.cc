// The timer behind a timerfd.
//
// A periodic one is not started again when it expires but when somebody reads it or looks at it:
// then the periods that have passed are counted, and between there is no work.
#include "ipc/timerfd.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/time.h"
#include "core/time/hrtimer.h"
#include "core/user/user_ptr.h"
#include "lib/format.h"
#include "mm/own.h"

namespace ipc {
namespace {

using time::HrTimer;
using time::TimerSpec;

class Timerfd {
public:
    Timerfd(int id, time::ClockBase base) : timer_(expired, base), clock_id(id), base_(base) {}
    ~Timerfd();

    Result<TimerSpec> set(u32 flags, const TimerSpec& wanted);
    TimerSpec get();
    Result<u64> take(bool nonblocking);
    Result<void> set_ticks(u64 ticks);
    u32 poll(fs::PollTable* table);
    usize show(std::span<char> room);
    void clock_was_set();

private:
    static time::Restart expired(HrTimer& timer);
    void catch_up() REQUIRES(lock_);
    TimerSpec value() REQUIRES(lock_);
    void watch_clock(bool wanted);
    bool take_cancellation() REQUIRES(lock_);

    HrTimer timer_;  // first: the callback gets from it to this
    SpinLock lock_{"timerfd", LockRank::Pipe};
    u64 ticks_ GUARDED_BY(lock_) = 0;  // expiries that nobody has read
    u64 interval_ns_ GUARDED_BY(lock_) = 0;
    u32 flags_ GUARDED_BY(lock_) = 0;           // of the last set()
    bool runs_ GUARDED_BY(lock_) = false;       // set, and not expired for the last time
    bool expired_ GUARDED_BY(lock_) = false;    // and not started again
    bool watches_ GUARDED_BY(lock_) = false;    // the setting of the clock cancels it
    bool cancelled_ GUARDED_BY(lock_) = false;  // which has happened
    sched::WaitQueue readable_;

public:
    const int clock_id;
    ListLink watch_link;  // among all that watch; guarded by that list's lock

private:
    const time::ClockBase base_;
};

// --- those that want to know when the clock is set -----------------------------------------------

struct Watchers {
    SpinLock lock{"timerfd_list", LockRank::TimerfdList};
    List<Timerfd, &Timerfd::watch_link> list GUARDED_BY(lock);
};
constinit Watchers watchers;

void tell_watchers() {
    IrqGuard guard(watchers.lock);
    for (Timerfd& timer : watchers.list) timer.clock_was_set();
}

void Timerfd::watch_clock(bool wanted) {
    time::clock_was_set_hook = tell_watchers;
    IrqGuard guard(watchers.lock);
    if (wanted == watch_link.is_linked()) return;
    if (wanted) {
        watchers.list.push_back(*this);
    } else {
        watch_link.unlink();
    }
}

void Timerfd::clock_was_set() {
    IrqGuard guard(lock_);
    cancelled_ = true;
    ticks_++;
    readable_.wake_all();
}

/// True once for each time that the clock was set.
bool Timerfd::take_cancellation() { return watches_ && std::exchange(cancelled_, false); }

// --- the timer -----------------------------------------------------------------------------------

Timerfd::~Timerfd() {
    watch_clock(false);
    timer_.cancel();
}

time::Restart Timerfd::expired(HrTimer& timer) {
    Timerfd& self = reinterpret_cast<Timerfd&>(timer);
    IrqGuard guard(self.lock_);
    self.expired_ = true;
    self.runs_ = self.interval_ns_ != 0;
    self.ticks_++;
    self.readable_.wake_all();
    return time::Restart::No;
}

/// Counts the periods that have passed since a periodic timer expired, and starts it again.
void Timerfd::catch_up() {
    if (!std::exchange(expired_, false) || interval_ns_ == 0) return;
    const u64 periods = timer_.forward_now(interval_ns_);
    if (periods > 1) ticks_ += periods - 1;
    timer_.start(timer_.expires_ns());
}

TimerSpec Timerfd::value() {
    catch_up();
    return {runs_ ? timer_.remaining_ns() : 0, interval_ns_};
}

Result<TimerSpec> Timerfd::set(u32 flags, const TimerSpec& wanted) {
    constexpr u32 kCancels = abi::TFD_TIMER_ABSTIME | abi::TFD_TIMER_CANCEL_ON_SET;
    const bool watches = base_ == time::ClockBase::Realtime && (flags & kCancels) == kCancels;
    watch_clock(watches);
    for (;;) {
        IrqGuard guard(lock_);
        if (timer_.try_to_cancel() == time::CancelResult::CallbackRuns) continue;
        const TimerSpec old = value();
        timer_.try_to_cancel();  // value() may have started it; no callback has begun since
        flags_ = flags;
        runs_ = wanted.value_ns != 0;
        interval_ns_ = wanted.interval_ns;
        ticks_ = 0;
        expired_ = false;
        if (!watches) cancelled_ = false;
        watches_ = watches;
        if (runs_) {
            timer_.start(wanted.value_ns, flags & abi::TFD_TIMER_ABSTIME
                                              ? time::TimerMode::Absolute
                                              : time::TimerMode::Relative);
            if (take_cancellation()) return ECANCELED;
        }
        return TimerSpec(old);
    }
}

TimerSpec Timerfd::get() {
    IrqGuard guard(lock_);
    return value();
}

Result<u64> Timerfd::take(bool nonblocking) {
    IrqGuard guard(lock_);
    while (ticks_ == 0) {
        if (nonblocking) return EAGAIN;
        TRY(readable_.sleep(lock_));
    }
    if (take_cancellation()) {
        ticks_ = 0;
        expired_ = false;
        return ECANCELED;
    }
    catch_up();
    return std::exchange(ticks_, 0);
}

Result<void> Timerfd::set_ticks(u64 ticks) {
    if (ticks == 0) return EINVAL;
    IrqGuard guard(lock_);
    if (take_cancellation()) return ECANCELED;
    ticks_ = ticks;
    readable_.wake_all();
    return {};
}

u32 Timerfd::poll(fs::PollTable* table) {
    if (table) table->wait_on(readable_);
    IrqGuard guard(lock_);
    return ticks_ != 0 ? abi::POLLIN : 0;
}

usize Timerfd::show(std::span<char> room) {
    IrqGuard guard(lock_);
    const u64 left = runs_ ? timer_.remaining_ns() : 0;
    constexpr u64 kSec = 1'000'000'000;
    return format_to(room,
                     "clockid: %d\nticks: %lu\nsettime flags: 0%o\nit_value: (%lu, %lu)\n"
                     "it_interval: (%lu, %lu)\n",
                     clock_id, ticks_, flags_, left / kSec, left % kSec, interval_ns_ / kSec,
                     interval_ns_ % kSec);
}

// --- as a file -----------------------------------------------------------------------------------

Timerfd& timer_of(fs::File& file) { return *static_cast<Timerfd*>(file.private_data); }

class TimerfdOperations final : public fs::FileOperations {
public:
    void release(fs::File& file) const override { mm::destroy(&timer_of(file)); }

    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        if (to.remaining() < sizeof(u64)) return EINVAL;
        const u64 ticks = TRY(timer_of(file).take(file.is_nonblocking()));
        if (TRY(to.copy_to(&ticks, sizeof ticks)) < sizeof ticks) return EFAULT;
        return sizeof ticks;
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        return timer_of(file).poll(table);
    }
    Result<u64> ioctl(fs::File& file, u32 command, u64 argument) const override {
        if (command != abi::TFD_IOC_SET_TICKS) return ENOTTY;
        TRY(timer_of(file).set_ticks(TRY(UserPtr<const u64>(argument).copy_in())));
        return u64{0};
    }
    usize show_fdinfo(fs::File& file, std::span<char> room) const override {
        return timer_of(file).show(room);
    }
    bool is_stream() const override { return true; }
};
constexpr TimerfdOperations kTimerfdOps;

Result<Timerfd*> timer_in(fs::File& file) {
    if (file.ops != &kTimerfdOps) return EINVAL;
    return &timer_of(file);
}

}  // namespace

Result<Ref<fs::File>> make_timerfd(int clock_id, time::ClockBase base, u32 flags) {
    if (flags & ~(abi::TFD_CLOEXEC | abi::TFD_NONBLOCK)) return EINVAL;
    auto timer = TRY(mm::make<Timerfd>(clock_id, base));
    auto file = TRY(fs::File::open_anonymous(
        "[timerfd]", kTimerfdOps, abi::O_RDWR | (flags & abi::TFD_NONBLOCK), timer.get()));
    (void)timer.leak();  // the file's release() destroys it
    return file;
}

Result<TimerSpec> timerfd_settime(fs::File& file, u32 flags, const TimerSpec& wanted) {
    if (flags & ~(abi::TFD_TIMER_ABSTIME | abi::TFD_TIMER_CANCEL_ON_SET)) return EINVAL;
    return TRY(timer_in(file))->set(flags, wanted);
}

Result<TimerSpec> timerfd_gettime(fs::File& file) { return TRY(timer_in(file))->get(); }

Result<int> timerfd_clock(fs::File& file) { return int{TRY(timer_in(file))->clock_id}; }

}  // namespace ipc
