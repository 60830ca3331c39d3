// Copying argv and envp in, once: what the user changes afterwards does not matter.

#include "core/user/user_ptr.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "process/exec/exec.h"

namespace process {

namespace {

constexpr usize kMaxString = 32 * kPageSize;  // MAX_ARG_STRLEN
constexpr usize kFirstCapacity = 2048;
constexpr usize kKmallocLimit = 64 * 1024;

void free_buffer(std::byte* bytes, usize capacity) {
    if (capacity > kKmallocLimit) {
        mm::vfree(bytes);
    } else {
        mm::kfree(bytes);
    }
}

}  // namespace

Arguments::~Arguments() { free_buffer(bytes_, capacity_); }

Result<void> Arguments::reserve(usize more) {
    // Each string costs a pointer on the new stack as well.
    const u64 pointers = (u64{argc} + envc + 2) * sizeof(u64);
    if (size_ + more + pointers > limit_) return E2BIG;
    if (size_ + more <= capacity_) return {};
    usize capacity = capacity_ ? capacity_ : kFirstCapacity;
    while (capacity < size_ + more) capacity *= 2;
    void* const memory = TRY(capacity > kKmallocLimit ? mm::vmalloc(capacity)
                                                      : mm::kmalloc(capacity, mm::Gfp::Kernel));
    memcpy(memory, bytes_, size_);
    free_buffer(bytes_, capacity_);
    bytes_ = static_cast<std::byte*>(memory);
    capacity_ = capacity;
    return {};
}

Result<void> Arguments::add(std::string_view text) {
    TRY(reserve(text.size() + 1));
    memcpy(bytes_ + size_, text.data(), text.size());
    bytes_[size_ + text.size()] = std::byte{0};
    size_ += text.size() + 1;
    return {};
}

/// Page by page, so that nothing behind the page with the NUL is touched.
Result<void> Arguments::add_user(VirtAddr at) {
    for (usize length = 0; length < kMaxString;) {
        const usize in_page = kPageSize - ((at.raw() + length) & (kPageSize - 1));
        const usize step = std::min(in_page, kMaxString - length);
        TRY(reserve(step));
        std::byte* const to = bytes_ + size_;
        const usize got = step - copy_from_user_partial(to, at + length, step);
        if (const void* nul = memchr(to, 0, got)) {
            size_ += static_cast<usize>(static_cast<const std::byte*>(nul) - to) + 1;
            return {};
        }
        if (got < step) return EFAULT;
        size_ += got;
        length += got;
    }
    return E2BIG;
}

namespace {

Result<u64> pointer_at(const StringList& list, u32 index) {
    if (list.words_32) {
        return u64{TRY((UserPtr<const u32>(list.user) + index).copy_in())};
    }
    return (UserPtr<const u64>(list.user) + index).copy_in();
}

}  // namespace

Result<u32> Arguments::add_list(const StringList& list, u32 skip) {
    if (list.from_kernel) {
        for (usize i = skip; i < list.kernel.size(); i++) {
            TRY(add({list.kernel[i], strlen(list.kernel[i])}));
        }
        return list.kernel.size() > skip ? u32(list.kernel.size()) - skip : 0;
    }
    if (list.user.raw() == 0) return 0u;
    u32 count = 0;
    for (u32 i = 0;; i++) {
        const u64 string = TRY(pointer_at(list, i));
        if (string == 0) return count;
        if (i < skip) continue;
        TRY(add_user(VirtAddr(string)));
        count++;
        if (u64{count} * sizeof(u64) > limit_) return E2BIG;
    }
}

}  // namespace process
