// select(2), pselect6(2): poll with bit sets. Linux: fs/select.c.
#include "abi/poll.h"
#include "core/time/clock.h"
#include "lib/string.h"
#include "sched/wait_queue.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"
#include "syscall/file/poll_set.h"
#include "syscall/file/wait_args.h"

namespace syscall {
namespace {

using namespace abi;

// Which events make a descriptor readable, writable or exceptional to select(2).
constexpr u32 kIn = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
constexpr u32 kOut = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
constexpr u32 kExcept = POLLPRI;
constexpr u32 kMeaning[3] = {kIn, kOut, kExcept};

/// The three sets of a call: bit n of word n / 64 stands for descriptor n.
class FdSets {
public:
    static Result<FdSets> copy_in(const UserPtr<u64> (&user)[3], usize count) {
        const usize words = (count + 63) / 64;
        auto* bits = static_cast<u64*>(TRY(mm::kmalloc(std::max(3 * words, usize{1}) * sizeof(u64),
                                                       mm::Gfp::Kernel | mm::Gfp::Zero)));
        FdSets sets(bits, words, count);
        for (int i = 0; i < 3; i++) {
            if (!user[i].is_null()) {
                TRY(copy_from_user(sets.set(i), user[i].address(), words * sizeof(u64)));
            }
        }
        return sets;
    }
    FdSets(FdSets&& from)
        : bits_(std::exchange(from.bits_, nullptr)), words_(from.words_), count_(from.count_) {}
    ~FdSets() { mm::kfree(bits_); }

    usize count() const { return count_; }
    bool has(int set_number, usize fd) const { return set(set_number)[fd / 64] >> fd % 64 & 1; }
    void clear(int set_number, usize fd) { set(set_number)[fd / 64] &= ~(u64{1} << fd % 64); }
    u32 wanted(usize fd) const {
        u32 events = 0;
        for (int i = 0; i < 3; i++) events |= has(i, fd) ? kMeaning[i] : 0;
        return events;
    }
    Result<void> copy_out(const UserPtr<u64> (&user)[3]) const {
        for (int i = 0; i < 3; i++) {
            if (user[i].is_null()) continue;
            TRY(copy_to_user(user[i].address(), set(i), words_ * sizeof(u64)));
        }
        return {};
    }

private:
    FdSets(u64* bits, usize words, usize count) : bits_(bits), words_(words), count_(count) {}
    u64* set(int number) const { return bits_ + number * words_; }
    u64* bits_;
    usize words_, count_;
};

usize count_wanted(const FdSets& sets) {
    usize wanted = 0;
    for (usize fd = 0; fd < sets.count(); fd++) wanted += sets.wanted(fd) != 0;
    return wanted;
}

/// Leaves only the bits that came true; returns how many did.
usize keep_ready(FdSets& sets, const PollSet& polled) {
    usize ready = 0, entry = 0;
    for (usize fd = 0; fd < sets.count(); fd++) {
        if (!sets.wanted(fd)) continue;
        const u32 found = polled.found(entry++);
        for (int i = 0; i < 3; i++) {
            if (!sets.has(i, fd)) continue;
            if (found & kMeaning[i]) {
                ready++;
            } else {
                sets.clear(i, fd);
            }
        }
    }
    return ready;
}

struct SelectArgs {
    int count;
    UserPtr<u64> sets[3];  // in, out, except
};

Result<u64> do_select(const SelectArgs& args, u64 deadline) {
    constexpr int kMostDescriptors = 1 << 20;
    if (args.count < 0) return EINVAL;
    auto sets = TRY(FdSets::copy_in(args.sets, std::min(args.count, kMostDescriptors)));
    auto polled = TRY(PollSet::create(count_wanted(sets)));
    for (usize fd = 0; fd < sets.count(); fd++) {
        if (sets.wanted(fd) && !polled.add(static_cast<int>(fd), sets.wanted(fd))) return EBADF;
    }
    TRY(polled.wait(deadline));
    const usize ready = keep_ready(sets, polled);
    TRY(sets.copy_out(args.sets));
    return u64{ready};
}

u64 left_until(u64 deadline) {
    const u64 now = time::now_ns();
    return deadline > now ? deadline - now : 0;
}

Result<u64> sys_select(int count, UserPtr<u64> in, UserPtr<u64> out, UserPtr<u64> except,
                       UserPtr<Timeval> timeout) {
    u64 deadline = sched::kForever;
    if (!timeout.is_null()) {
        const Timeval given = TRY(UserPtr<const Timeval>(timeout.address()).copy_in());
        if (given.sec < 0 || given.usec < 0) return EINVAL;
        deadline = TRY(
            deadline_after({given.sec + given.usec / 1'000'000, given.usec % 1'000'000 * 1000}));
    }
    auto outcome = do_select({count, {in, out, except}}, deadline);
    if (!timeout.is_null()) {
        const u64 left = left_until(deadline);
        (void)timeout
            .copy_out({i64(left / time::kNsPerSec), i64(left % time::kNsPerSec / time::kNsPerUs)})
            .ok();
    }
    return outcome;
}

/// The sixth argument of pselect6: a mask and its size.
struct MaskArgument {
    u64 mask, size;
};

Result<u64> sys_pselect6(int count, UserPtr<u64> in, UserPtr<u64> out, UserPtr<u64> except,
                         UserPtr<Timespec> timeout, UserPtr<const MaskArgument> user_mask) {
    MaskArgument mask{};
    if (!user_mask.is_null()) mask = TRY(user_mask.copy_in());
    const u64 deadline = TRY(deadline_in(UserPtr<const Timespec>(timeout.address())));
    auto sigmask = TRY(TemporarySigmask::set(UserPtr<const u64>(mask.mask), mask.size));
    auto outcome = sigmask.finish(do_select({count, {in, out, except}}, deadline));
    if (!timeout.is_null()) {
        const u64 left = left_until(deadline);
        (void)timeout.copy_out({i64(left / time::kNsPerSec), i64(left % time::kNsPerSec)}).ok();
    }
    return outcome;
}

constexpr Entry kCalls[] = {
    {23, "select", call<sys_select>},
    {270, "pselect6", call<sys_pselect6>},
};

}  // namespace

constinit const std::span<const Entry> kSelectCalls = kCalls;

}  // namespace syscall
