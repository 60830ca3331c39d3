/// Numbers from text.
#include "lib/parse.h"

namespace {

/// The value of a digit in any base up to 16; 16 for all that is no digit.
unsigned digit_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
}

/// Finds out the base from a prefix as in C, and takes the prefix off. The 0 of an octal number
/// stays: it is a digit.
unsigned take_base(std::string_view& text) {
    if (text.size() < 2 || text[0] != '0') return 10;
    const char second = text[1];
    if (second != 'x' && second != 'X' && second != 'b' && second != 'B') return 8;
    text.remove_prefix(2);
    return second == 'x' || second == 'X' ? 16 : 2;
}

/// The power of two that a size's letter stands for, or -1.
int shift_of(char letter) {
    switch (letter) {
    case 'k':
    case 'K': return 10;
    case 'm':
    case 'M': return 20;
    case 'g':
    case 'G': return 30;
    case 't':
    case 'T': return 40;
    case 'p':
    case 'P': return 50;
    case 'e':
    case 'E': return 60;
    default: return -1;
    }
}

}  // namespace

Result<u64> take_unsigned(std::string_view& text, unsigned base) {
    u64 value = 0;
    usize length = 0;
    for (; length < text.size(); length++) {
        const unsigned digit = digit_value(text[length]);
        if (digit >= base) break;
        if (__builtin_mul_overflow(value, u64{base}, &value) ||
            __builtin_add_overflow(value, u64{digit}, &value)) {
            return ERANGE;
        }
    }
    if (length == 0) return EINVAL;
    text.remove_prefix(length);
    return value;
}

Result<u64> parse_unsigned(std::string_view text, unsigned base) {
    if (base == 0) base = take_base(text);
    const u64 value = TRY(take_unsigned(text, base));
    if (!text.empty()) return EINVAL;
    return value;
}

Result<i64> parse_signed(std::string_view text, unsigned base) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const u64 magnitude = TRY(parse_unsigned(text, base));
    constexpr u64 kMost = u64{1} << 63;
    if (magnitude > kMost || (magnitude == kMost && !negative)) return ERANGE;
    return static_cast<i64>(negative ? -magnitude : magnitude);
}

Result<u64> parse_size(std::string_view text) {
    const int shift = text.empty() ? -1 : shift_of(text.back());
    // In hexadecimal an E is a digit.
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (shift < 0 || (hexadecimal && shift == 60)) return parse_unsigned(text);
    const u64 value = TRY(parse_unsigned(text.substr(0, text.size() - 1)));
    if (value > ~u64{0} >> shift) return ERANGE;
    return value << shift;
}
