/// What the tests of vm/ share: an address space of their own, and its memory by the byte.
#pragma once

#include <span>

#include "abi/mman.h"
#include "lib/test.h"
#include "vm/mm_struct.h"

namespace vm {

/// An address space that nobody runs in. REQUIRE(it) before use.
class TestMm {
public:
    TestMm() {
        Result<MmStruct*> made = MmStruct::create();
        if (!made.ok()) return;
        mm_ = made.value();
        mm_->mmap_base = VirtAddr(0x7000'0000'0000);
        mm_->free_area_cache = mm_->mmap_base;
    }
    explicit TestMm(MmStruct* adopted) : mm_(adopted) {}
    TestMm(const TestMm&) = delete;
    ~TestMm() { end(); }
    void end() {
        if (mm_) mm_->put();
        mm_ = nullptr;
    }
    explicit operator bool() const { return mm_ != nullptr; }
    MmStruct* operator->() const { return mm_; }
    MmStruct& operator*() const { return *mm_; }

    /// Maps memory of its own; 0 if that failed.
    VirtAddr map(u64 pages, u32 prot = abi::PROT_READ | abi::PROT_WRITE,
                 u32 flags = abi::MAP_PRIVATE, VirtAddr at = VirtAddr(0)) {
        const MapRequest request{.at = at,
                                 .bytes = pages * kPageSize,
                                 .prot = prot,
                                 .map_flags = flags | abi::MAP_ANONYMOUS};
        Result<VirtAddr> done = mm_->mmap(request);
        return done.ok() ? done.value() : VirtAddr(0);
    }

    bool write(VirtAddr at, u64 value) {
        return mm_->access_remote(at, std::as_writable_bytes(std::span(&value, 1)), true) == 8;
    }
    /// The word at `at`; kUnreadable if there is none.
    static constexpr u64 kUnreadable = 0xdead'0000'dead'0000;
    u64 read(VirtAddr at) {
        u64 value = kUnreadable;
        mm_->access_remote(at, std::as_writable_bytes(std::span(&value, 1)), false);
        return value;
    }

    /// 0 or the errno of a fault.
    int touch(VirtAddr at, upcall::Access access) {
        Result<FaultKind> done = mm_->handle_mm_fault(at, access);
        return done.ok() ? 0 : static_cast<int>(done.error());
    }

private:
    MmStruct* mm_ = nullptr;
};

/// 0 or the errno of any Result.
template <class T>
int errno_of(const Result<T>& result) {
    return result.ok() ? 0 : static_cast<int>(result.error());
}
inline int number(Errno why) { return static_cast<int>(why); }

}  // namespace vm
