#include "syscall/i386/compat.h"

#include <array>

#include "abi/mman.h"
#include "core/time/clock.h"
#include "core/time/timekeeping.h"

namespace syscall {

namespace {

/// A native call with these arguments.
u64 native(u16 number, const std::array<u64, 6>& arguments) {
    const Entry* const entry = find(number);
    if (entry == nullptr) return -static_cast<u64>(ENOSYS);
    arch::TrapFrame frame{};
    frame.rdi = arguments[0];
    frame.rsi = arguments[1];
    frame.rdx = arguments[2];
    frame.r10 = arguments[3];
    frame.r8 = arguments[4];
    frame.r9 = arguments[5];
    return entry->handler(frame);
}

constexpr u16 kMmap = 9, kLseek = 8, kFork = 57, kVfork = 58, kWait4 = 61, kTime = 201;

/// fork() and vfork() copy the caller's own frame.
template <u16 Number>
u64 with_frame(arch::TrapFrame& frame) {
    return find(Number)->handler(frame);
}

u64 waitpid(arch::TrapFrame& frame) {
    const arch::TrapFrame f = native_frame(frame);
    return native(kWait4, {f.rdi, f.rsi, f.rdx});
}

/// The offset is signed, and 32 bits wide.
u64 lseek(arch::TrapFrame& frame) {
    const arch::TrapFrame f = native_frame(frame);
    return native(kLseek, {f.rdi, u64(i64(i32(f.rsi))), f.rdx});
}

/// _llseek(fd, high, low, &result, whence)
Result<void> llseek(u32 fd, u32 high, u32 low, UserPtr<u64> result, u32 whence) {
    const u64 position = native(kLseek, {fd, u64{high} << 32 | low, whence});
    constexpr u64 kFirstError = -u64{4095};
    if (position >= kFirstError) return static_cast<Errno>(-position);
    return result.copy_out(position);
}

/// Where a program that keeps 32 bits of an address can find it.
u64 map(const std::array<u64, 6>& arguments) {
    std::array<u64, 6> low = arguments;
    low[3] |= abi::MAP_32BIT;
    return native(kMmap, low);
}
u64 mmap2(arch::TrapFrame& frame) {
    const arch::TrapFrame f = native_frame(frame);
    return map({f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9 * kPageSize});
}
/// The old form: six words in memory.
Result<u64> old_mmap(UserPtr<const std::array<u32, 6>> arguments) {
    const std::array<u32, 6> a = TRY(arguments.copy_in());
    if (a[5] % kPageSize != 0) return EINVAL;
    return map({a[0], a[1], a[2], a[3], a[4], a[5]});
}

Result<u64> time32(UserPtr<u32> at) {
    const u64 seconds = native(kTime, {});
    if (!at.is_null()) TRY(at.copy_out(u32(seconds)));
    return seconds;
}

struct Pair32 {
    i32 seconds, fraction;
};
Result<void> gettimeofday32(UserPtr<Pair32> at, UserPtr<Pair32> zone) {
    const u64 now = time::realtime_ns();
    constexpr u64 kNsPerSecond = 1'000'000'000;
    if (!at.is_null()) {
        TRY(at.copy_out({i32(now / kNsPerSecond), i32(now % kNsPerSecond / 1000)}));
    }
    const time::TimeZone kept = time::time_zone();
    if (!zone.is_null()) TRY(zone.copy_out({kept.minutes_west, kept.dst_time}));
    return {};
}

constexpr Entry kCalls[] = {
    {2, "fork", with_frame<kFork>},
    {7, "waitpid", waitpid},
    {13, "time", call_i386<time32>},
    {19, "lseek", lseek},
    {78, "gettimeofday", call_i386<gettimeofday32>},
    {90, "mmap", call_i386<old_mmap>},
    {140, "_llseek", call_i386<llseek>},
    {190, "vfork", with_frame<kVfork>},
    {192, "mmap2", mmap2},
};

}  // namespace

constinit const std::span<const Entry> kCompatCalls = kCalls;

arch::TrapFrame native_frame(const arch::TrapFrame& frame) {
    arch::TrapFrame f = frame;
    f.rdi = u32(frame.rbx);
    f.rsi = u32(frame.rcx);
    f.rdx = u32(frame.rdx);
    f.r10 = u32(frame.rsi);
    f.r8 = u32(frame.rdi);
    f.r9 = u32(frame.rbp);
    return f;
}

}  // namespace syscall
