/// /dev/null, /dev/zero, /dev/full (major 1). Linux: drivers/char/mem.c.
#include "abi/fcntl.h"
#include "drivers/mem/mem.h"
#include "fs/char_dev.h"
#include "sched/task.h"

namespace mem {

/// What the three have in common: any position is as good as another.
class MemOperations : public fs::FileOperations {
public:
    Result<u64> seek(fs::File& file, i64 /*offset*/, int /*whence*/) const override {
        file.position = 0;
        return u64{0};
    }

protected:
    ~MemOperations() = default;
};

class NullOperations final : public MemOperations {
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return usize{0}; }
    Result<usize> write(fs::File&, IovIter& from, u64&) const override {
        const usize all = from.remaining();
        from.advance(all);
        return all;
    }
};

/// Fills `to` with zeros.
static Result<usize> read_zeros(IovIter& to) {
    usize done = 0;
    // In pieces, so that a signal can end a read of gigabytes.
    while (to.remaining() > 0) {
        if (sched::signal_pending(sched::current())) {
            return done > 0 ? Result<usize>(done) : ERESTARTSYS;
        }
        Result<usize> cleared = to.clear(std::min<usize>(to.remaining(), 64 * kPageSize));
        if (!cleared.ok()) return done > 0 ? Result<usize>(done) : cleared.error();
        if (cleared.value() == 0) break;
        done += cleared.value();
    }
    return done;
}

class ZeroOperations final : public MemOperations {
    Result<usize> read(fs::File&, IovIter& to, u64&) const override { return read_zeros(to); }
    Result<usize> write(fs::File&, IovIter& from, u64&) const override {
        const usize all = from.remaining();
        from.advance(all);
        return all;
    }
    /// No page cache: the mapping is anonymous memory.
    Result<vm::AddressSpace*> mmap(fs::File&) const override {
        return static_cast<vm::AddressSpace*>(nullptr);
    }
};

class FullOperations final : public MemOperations {
    Result<usize> read(fs::File&, IovIter& to, u64&) const override { return read_zeros(to); }
    Result<usize> write(fs::File&, IovIter&, u64&) const override { return ENOSPC; }
};

static constexpr NullOperations kNull;
static constexpr ZeroOperations kZero;
static constexpr FullOperations kFull;

static constinit fs::CharDevice devices[] = {
    {.name = "null", .major = kMajor, .first_minor = 3, .count = 1, .mode = 0666, .ops = kNull},
    {.name = "zero", .major = kMajor, .first_minor = 5, .count = 1, .mode = 0666, .ops = kZero},
    {.name = "full", .major = kMajor, .first_minor = 7, .count = 1, .mode = 0666, .ops = kFull},
};

Result<void> register_mem_devices() {
    for (fs::CharDevice& device : devices) TRY(fs::register_char_device(device));
    return {};
}

Result<void> init() {
    TRY(register_dev_mem());
    TRY(register_mem_devices());
    TRY(register_random_devices());
    return register_kmsg();
}

}  // namespace mem
