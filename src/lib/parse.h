/// Numbers from text: what stands on the command line, in /proc files, in a disk label. Text
/// comes from outside, so everything that is not exactly a number is an error.
#pragma once

#include <string_view>

#include "lib/result.h"
#include "lib/types.h"

/// Takes the digits of `base` (2 to 16) off the front of `text`, as many as there are. EINVAL if
/// there is none; ERANGE if the number needs more than 64 bits. On an error `text` stays.
Result<u64> take_unsigned(std::string_view& text, unsigned base);

/// The number that is all of `text`. Base 0: "0x" announces hexadecimal, "0b" binary, another
/// leading "0" octal, as in C. EINVAL, ERANGE.
Result<u64> parse_unsigned(std::string_view text, unsigned base = 0);

/// The same with an optional sign.
Result<i64> parse_signed(std::string_view text, unsigned base = 0);

/// A size such as "64M": a number as above and perhaps one of the letters K M G T P E (in either
/// case; powers of 1024). EINVAL, ERANGE.
Result<u64> parse_size(std::string_view text);
