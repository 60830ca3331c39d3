/// What poll, select and epoll_wait take beside files: how long, and with which signals blocked.
#pragma once

#include "abi/time.h"
#include "sched/task.h"
#include "syscall/syscall.h"

namespace syscall {

/// A relative timeout as a deadline on the monotonic clock; kForever for one that never comes.
/// EINVAL for negative fields or too many nanoseconds.
Result<u64> deadline_after(const abi::Timespec& timeout);
u64 deadline_after_ms(i64 timeout_ms);  // negative: forever

/// A poll or select with a struct timespec or timeval: null means forever. EFAULT, EINVAL.
Result<u64> deadline_in(UserPtr<const abi::Timespec> timeout);

/// Blocks other signals for the length of a call. If the call ends by a signal, the old mask comes
/// back only when its handler has been set up: that is the point of ppoll(2).
class TemporarySigmask {
public:
    /// Null `mask`: nothing changes. EINVAL for a wrong size, EFAULT.
    static Result<TemporarySigmask> set(UserPtr<const u64> mask, u64 size);
    TemporarySigmask(TemporarySigmask&& from) : is_set_(std::exchange(from.is_set_, false)) {}
    ~TemporarySigmask();

    /// The call is ending with `error`; for EINTR and the restart codes the mask stays.
    template <class T>
    Result<T> finish(Result<T> outcome) {
        if (!outcome.ok()) note_error(outcome.error());
        return outcome;
    }

private:
    explicit TemporarySigmask(bool is_set) : is_set_(is_set) {}
    void note_error(Errno error);
    bool is_set_;
};

}  // namespace syscall
