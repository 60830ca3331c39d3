/// The newc cpio format: 6 characters of magic and 13 numbers of 8 hexadecimal digits each.
#include "lib/cpio.h"

namespace {

constexpr usize kMagicLength = 6;
constexpr usize kFieldLength = 8;
constexpr usize kHeaderLength = 110;

// clang-format off
enum Field {
    Ino, Mode, Uid, Gid, Nlink, Mtime, FileSize,
    DevMajor, DevMinor, RdevMajor, RdevMinor, NameSize, Check, FieldCount
};
// clang-format on
static_assert(kMagicLength + FieldCount * kFieldLength == kHeaderLength);

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The value of a hexadecimal digit, or -1.
int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Reads the numbers of a header; false if one has a character that is no digit.
bool read_fields(std::string_view text, u32 (&fields)[FieldCount]) {
    for (u32& field : fields) {
        field = 0;
        for (const char c : text.substr(0, kFieldLength)) {
            const int value = digit_value(c);
            if (value < 0) return false;
            field = field << 4 | static_cast<u32>(value);
        }
        text.remove_prefix(kFieldLength);
    }
    return true;
}

}  // namespace

/// Notes what is wrong with the entry at position_.
Result<void> CpioReader::fail(const char* problem) {
    problem_ = problem;
    return EINVAL;
}

/// Moves next_ over padding between archives.
void CpioReader::skip_zeros() {
    while (next_ < archive_.size() && archive_[next_] == std::byte{0}) next_++;
}

/// Reads the entry at position_ and sets next_ behind it. EINVAL.
Result<void> CpioReader::read(CpioEntry& entry) {
    const std::span<const std::byte> rest = archive_.subspan(position_);
    if (rest.size() < kHeaderLength) return fail("the header is cut off");
    const std::string_view header = as_text(rest.first(kHeaderLength));
    const std::string_view magic = header.substr(0, kMagicLength);
    if (magic != "070701" && magic != "070702") return fail("this is no newc header");

    u32 field[FieldCount];
    if (!read_fields(header.substr(kMagicLength), field)) {
        return fail("a number in the header is not hexadecimal");
    }
    if (field[NameSize] < 2) return fail("the name is empty");
    if (field[NameSize] > kMaxName) return fail("the name is too long");

    // 32-bit lengths, 64-bit sums: nothing below can overflow.
    const u64 data_start = align_up(kHeaderLength + u64{field[NameSize]}, 4);
    const u64 data_end = data_start + field[FileSize];
    if (data_start > rest.size()) return fail("the name is cut off");
    if (data_end > rest.size()) return fail("the data is cut off");

    const std::string_view name = as_text(rest.subspan(kHeaderLength, field[NameSize]));
    if (name.find('\0') != name.size() - 1) return fail("the name is not terminated by its NUL");

    entry = {.name = name.substr(0, name.size() - 1),
             .data = rest.subspan(data_start, field[FileSize]),
             .mode = field[Mode],
             .uid = field[Uid],
             .gid = field[Gid],
             .mtime = field[Mtime],
             .nlink = field[Nlink],
             .dev_major = field[DevMajor],
             .dev_minor = field[DevMinor],
             .ino = field[Ino],
             .rdev_major = field[RdevMajor],
             .rdev_minor = field[RdevMinor]};
    // The padding of the very last entry may be missing.
    const u64 padded_end = align_up(data_end, 4);
    next_ = position_ + (padded_end < rest.size() ? padded_end : rest.size());
    return {};
}

Result<bool> CpioReader::next(CpioEntry& entry) {
    // After an error next_ still stands before the bad entry, so a further call fails as well.
    for (;;) {
        if (!in_archive_) {
            skip_zeros();
            if (next_ == archive_.size()) return false;
        }
        position_ = next_;
        TRY(read(entry));
        if (entry.name != "TRAILER!!!") {
            in_archive_ = true;
            return true;
        }
        in_archive_ = false;
    }
}
