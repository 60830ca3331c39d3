/// /dev/random and /dev/urandom: the same device under two names, since the pool is seeded before
/// anybody can open them. Linux: drivers/char/random.c.
#include "abi/ioctl.h"
#include "core/random/random.h"
#include "core/user/user_ptr.h"
#include "drivers/mem/mem.h"
#include "fs/char_dev.h"
#include "sched/task.h"

namespace mem {

using namespace abi;

static constexpr i32 kPoolBits = 256;  // what RNDGETENTCNT says of a seeded pool

class RandomOperations final : public fs::FileOperations {
    Result<usize> read(fs::File&, IovIter& to, u64&) const override {
        std::byte chunk[256];
        usize done = 0;
        while (to.remaining() > 0) {
            if (done > 0 && sched::signal_pending(sched::current())) break;
            const usize piece = std::min(to.remaining(), sizeof chunk);
            get_random_bytes(std::span(chunk, piece));
            Result<usize> copied = to.copy_to(chunk, piece);
            if (!copied.ok()) return done > 0 ? Result<usize>(done) : copied.error();
            done += copied.value();
            if (copied.value() < piece) break;
        }
        return done;
    }

    Result<usize> write(fs::File&, IovIter& from, u64&) const override {
        std::byte chunk[256];
        usize done = 0;
        while (from.remaining() > 0) {
            if (done > 0 && sched::signal_pending(sched::current())) break;
            Result<usize> copied = from.copy_from(chunk, std::min(from.remaining(), sizeof chunk));
            if (!copied.ok()) return done > 0 ? Result<usize>(done) : copied.error();
            if (copied.value() == 0) break;
            mix_random_bytes(std::span(chunk, copied.value()));
            done += copied.value();
        }
        return done;
    }

    Result<u64> seek(fs::File&, i64, int) const override { return u64{0}; }

    Result<u64> ioctl(fs::File&, u32 command, u64 argument) const override {
        switch (command) {
        case RNDGETENTCNT: TRY(UserPtr<i32>(argument).copy_out(kPoolBits)); return u64{0};
        case RNDADDTOENTCNT: return add_credit(argument);
        case RNDADDENTROPY: return add_entropy(argument);
        case RNDZAPENTCNT:
        case RNDCLEARPOOL:
        case RNDRESEEDCRNG: return privileged();
        default: return EINVAL;
        }
    }

    static Result<u64> privileged() {
        if (!sched::current().cred.is_root()) return EPERM;
        return u64{0};
    }

    static Result<u64> add_credit(u64 argument) {
        TRY(privileged());
        const i32 bits = TRY(UserPtr<const i32>(argument).copy_in());
        if (bits < 0) return EINVAL;
        return u64{0};  // the pool is full already
    }

    /// struct rand_pool_info: two ints (bits of credit, bytes), then the bytes.
    static Result<u64> add_entropy(u64 argument) {
        TRY(privileged());
        const i32 bits = TRY(UserPtr<const i32>(argument).copy_in());
        const i32 bytes = TRY(UserPtr<const i32>(argument + 4).copy_in());
        if (bits < 0 || bytes < 0) return EINVAL;
        std::byte chunk[256];
        for (i32 done = 0; done < bytes;) {
            const usize piece = std::min<usize>(static_cast<usize>(bytes - done), sizeof chunk);
            TRY(copy_from_user(chunk, VirtAddr(argument + 8 + static_cast<u64>(done)), piece));
            mix_random_bytes(std::span(chunk, piece));
            done += static_cast<i32>(piece);
        }
        return u64{0};
    }
};

static constexpr RandomOperations kRandom;

static constinit fs::CharDevice devices[] = {
    {.name = "random", .major = kMajor, .first_minor = 8, .count = 1, .mode = 0666, .ops = kRandom},
    {.name = "urandom",
     .major = kMajor,
     .first_minor = 9,
     .count = 1,
     .mode = 0666,
     .ops = kRandom},
};

Result<void> register_random_devices() {
    for (fs::CharDevice& device : devices) TRY(fs::register_char_device(device));
    return {};
}

}  // namespace mem
