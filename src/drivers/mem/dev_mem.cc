/// /dev/mem: physical memory, but for what the kernel and programs have their data in. So: the
/// registers and memory of devices, and what the firmware left. Linux: drivers/char/mem.c with
/// CONFIG_STRICT_DEVMEM; mem(4).
///
/// RAM below 1 MiB reads as zeros, as old programs look there for the firmware's tables; all other
/// RAM is refused. Unlike Linux, a private mapping is refused, too: there would be nothing to copy.
#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "arch/cpu_features.h"
#include "drivers/mem/mem.h"
#include "fs/char_dev.h"
#include "mm/init.h"
#include "mm/vmalloc.h"
#include "sched/task.h"

namespace mem {

namespace {

constexpr u64 kFirstMegabyte = 1 << 20;

enum class Access : u8 { Allowed, Zeros, Refused };

/// Whether some of these whole pages are RAM, or partly so.
bool is_ram(u64 first, u64 end) {
    for (const PhysRange& ram : mm::ram_ranges()) {
        if (ram.start < end && first < ram.end) return true;
    }
    return false;
}

/// Of the bytes that lie in the page of `at`.
Access access_to(u64 at) {
    const u64 page = align_down(at, kPageSize);
    if (!is_ram(page, page + kPageSize)) return Access::Allowed;
    return page < kFirstMegabyte ? Access::Zeros : Access::Refused;
}

bool is_physical(u64 at, u64 bytes) {
    const u64 end = u64{1} << arch::cpu_features.physical_bits;
    return bytes <= end && at <= end - bytes;
}

/// A page that is mapped for the kernel, as long as the object lives.
class Window {
public:
    explicit Window(u64 page) : mapped_(mm::ioremap(PhysAddr(page), kPageSize)) {}
    ~Window() {
        if (mapped_.ok()) mm::iounmap(mapped_.value());
    }
    Window(const Window&) = delete;
    /// ENOMEM.
    Result<u8*> bytes() {
        if (!mapped_.ok()) return mapped_.error();
        return static_cast<u8*>(mapped_.value());
    }

private:
    Result<void*> mapped_;
};

class DevMemOperations final : public fs::FileOperations {
    Result<void> open(fs::File&) const override {
        if (!sched::capable(abi::CAP_SYS_RAWIO)) return EPERM;
        return {};
    }

    Result<usize> read(fs::File&, IovIter& to, u64& offset) const override {
        return move(to, offset, [&](Access access, u8* bytes, usize count) -> Result<usize> {
            return access == Access::Zeros ? to.clear(count) : to.copy_to(bytes, count);
        });
    }

    Result<usize> write(fs::File&, IovIter& from, u64& offset) const override {
        return move(from, offset, [&](Access access, u8* bytes, usize count) -> Result<usize> {
            if (access != Access::Zeros) return from.copy_from(bytes, count);
            from.advance(count);
            return count;
        });
    }

    /// Any physical address is a position, so there is no end to count from.
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        if (whence != abi::SEEK_SET && whence != abi::SEEK_CUR) return EINVAL;
        const u64 start = whence == abi::SEEK_CUR ? file.position : 0;
        const u64 position = start + static_cast<u64>(offset);
        if (static_cast<i64>(position) < 0) return EOVERFLOW;
        file.position = position;
        return position;
    }

    Result<vm::AddressSpace*> mmap(fs::File&) const override {
        return static_cast<vm::AddressSpace*>(nullptr);
    }

    Result<bool> maps_device(fs::File&, u64 offset, u64 bytes) const override {
        if (!is_physical(offset, bytes)) return EINVAL;
        if (is_ram(offset, offset + bytes)) return EPERM;
        return true;
    }

    /// The check of the mapping is made again: mremap() may move its end.
    Result<PhysAddr> device_page(u64 index) const override {
        const u64 at = index << kPageShift;
        if (!is_physical(at, kPageSize) || access_to(at) != Access::Allowed) return EIO;
        return PhysAddr(at);
    }

    /// Calls `move_piece(access, bytes, count)` for each piece within a page. EFAULT beyond the
    /// last address; EPERM.
    template <class Body>
    static Result<usize> move(IovIter& user, u64& offset, Body move_piece) {
        if (!is_physical(offset, user.remaining())) return EFAULT;
        usize done = 0;
        while (user.remaining() > 0) {
            if (done > 0 && sched::signal_pending(sched::current())) break;
            const usize at = offset % kPageSize;
            const usize count = std::min<usize>(user.remaining(), kPageSize - at);
            const Access access = access_to(offset);
            if (access == Access::Refused) return done > 0 ? Result<usize>(done) : EPERM;
            Window window(offset - at);
            u8* const bytes = TRY(window.bytes());
            Result<usize> moved = move_piece(access, bytes + at, count);
            if (!moved.ok()) return done > 0 ? Result<usize>(done) : moved.error();
            done += moved.value();
            offset += moved.value();
            if (moved.value() < count) break;
        }
        return done;
    }
};

constexpr DevMemOperations kDevMem;

constinit fs::CharDevice device{
    .name = "mem", .major = kMajor, .first_minor = 1, .count = 1, .mode = 0640, .ops = kDevMem};

}  // namespace

Result<void> register_dev_mem() { return fs::register_char_device(device); }

}  // namespace mem
