/// Little-endian bytes in and out, for probes.
///
/// Input comes from user space: every read is checked, and a reader that has run out stays so
/// (`ok()` is false) and yields zeros, so a probe looks once, at the end of decoding.
#pragma once

#include <span>
#include <string_view>

#include "lib/result.h"
#include "lib/string.h"
#include "lib/types.h"

namespace probes {

/// Takes numbers and byte strings off the front of an input.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    /// False once more was asked for than there is.
    bool ok() const { return ok_; }
    usize left() const { return rest_.size(); }

    /// The next number; 0 after the end.
    template <class T>
    T take() {
        T value{};
        if (const auto bytes = take_bytes(sizeof(T)); ok_) {
            memcpy(&value, bytes.data(), sizeof value);
        }
        return value;
    }

    /// The next `count` bytes, where they stand; none after the end.
    std::span<const std::byte> take_bytes(usize count) {
        if (count > rest_.size()) {
            ok_ = false;
            rest_ = {};
        }
        if (!ok_) return {};
        const auto bytes = rest_.first(count);
        rest_ = rest_.subspan(count);
        return bytes;
    }

private:
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

/// Appends to an answer. What does not fit is counted, and makes result() fail.
class ByteWriter {
public:
    explicit ByteWriter(std::span<std::byte> room) : room_(room) {}

    template <class T>
    void put(T value) {
        put_bytes(&value, sizeof value);
    }
    void put_bytes(const void* bytes, usize count) {
        if (count <= room_.size() && used_ <= room_.size() - count) {
            memcpy(room_.data() + used_, bytes, count);
        }
        used_ += count;
    }
    void put_text(std::string_view text) {
        put(static_cast<u32>(text.size()));
        put_bytes(text.data(), text.size());
    }

    /// The length of the answer; EOVERFLOW if it did not fit.
    Result<usize> result() const {
        if (used_ > room_.size()) return EOVERFLOW;
        return used_;
    }

private:
    std::span<std::byte> room_;
    usize used_ = 0;
};

/// The first word of most answers: 0, or the errno of what was tried.
inline u32 errno_of(const Result<void>& result) {
    return result.ok() ? 0 : static_cast<u32>(result.error());
}

/// Cuts memory for a T, all zeros, off the tail of `out`. Null if there is too little.
template <class T>
T* scratch(std::span<std::byte>& out) {
    const auto end = reinterpret_cast<u64>(out.data() + out.size());
    const u64 at = align_down(end - sizeof(T), alignof(T) < 16 ? 16 : alignof(T));
    if (out.size() < sizeof(T) + alignof(T) + 16) return nullptr;
    out = out.first(at - reinterpret_cast<u64>(out.data()));
    memset(out.data() + out.size(), 0, sizeof(T));
    return reinterpret_cast<T*>(at);
}

}  // namespace probes
