/// Text from values, in the notation of printf: what printk(), /proc and panics are written with.
///
///     char line[80];
///     format_to(line, "%-10s %5d %#018lx\n", name, count, address);
///
/// Each argument carries its type along, so a wrong format cannot read what is not there. A
/// directive that has no argument, or one of the wrong kind, prints what is wrong in its place:
/// "%!d(missing)", "%!d(string)", "%!q(unknown)"; arguments left over print "%!(extra)".
///
///   %d %i  a number as it is        %s  text, a C string, "true"/"false", an errno's name
///   %u     modulo 2^(size of arg)   %c  a character
///   %x %X  the same, hexadecimal    %p  a pointer: 0x and 16 digits
///   %o     the same, octal          %%  a percent sign
///
/// Flags - 0 + space #, width and precision (both also *) mean what they mean to printf. Length
/// modifiers (h hh l ll z j t) are accepted and ignored: the argument knows its size. Width and
/// precision end at kMaxFormatWidth. No allocation, no lock, no state: callable from anywhere.
#pragma once

#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

#include "abi/errno.h"
#include "lib/types.h"

inline constexpr int kMaxFormatWidth = 4096;

/// One argument with its type. Holds pointers into strings, so it must not outlive them.
struct FormatArg {
    enum class Kind : u8 { None, Signed, Unsigned, Char, Bool, Error, Pointer, Text, CString };

    Kind kind = Kind::None;
    u8 size = 0;  // of a number, in bytes
    union {
        u64 bits = 0;      // a number (sign-extended), character, bool, errno or address
        const char* text;  // Text: not terminated; CString: up to its NUL, or null
    };
    usize length = 0;  // of a Text

    constexpr FormatArg() = default;

    template <class T>
    FormatArg(const T& value) {
        if constexpr (std::same_as<T, Errno>) {
            set_number(Kind::Error, value);
        } else if constexpr (std::same_as<T, bool>) {
            set_number(Kind::Bool, value);
        } else if constexpr (std::same_as<T, char>) {
            set_number(Kind::Char, value);
        } else if constexpr (std::is_enum_v<T>) {
            *this = FormatArg(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::integral<T>) {
            set_number(std::is_signed_v<T> ? Kind::Signed : Kind::Unsigned, value);
        } else if constexpr (requires { u64{value.raw()}; }) {  // Strong<>
            set_number(Kind::Unsigned, value.raw());
        } else if constexpr (std::is_null_pointer_v<T>) {
            kind = Kind::Pointer;
        } else if constexpr (std::is_convertible_v<const T&, const char*>) {
            kind = Kind::CString;
            text = value;
        } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
            const std::string_view view = value;
            kind = Kind::Text;
            text = view.data();
            length = view.size();
        } else {
            static_assert(std::is_pointer_v<std::decay_t<T>>, "format does not know this type");
            kind = Kind::Pointer;
            bits = reinterpret_cast<u64>(value);
        }
    }

private:
    template <class T>
    void set_number(Kind number, T value) {
        kind = number;
        size = sizeof(T);
        bits = static_cast<u64>(value);
    }
};

/// Writes the text that `format` and `args` describe to `out`: as much as fits, and a NUL behind
/// it unless `out` is empty. Returns the length of the whole text, without the NUL: a result >=
/// out.size() means that it was cut off (as snprintf).
usize vformat(std::span<char> out, const char* format, std::span<const FormatArg> args);

template <class... Args>
usize format_to(std::span<char> out, const char* format, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
    return vformat(out, format, std::span(list, sizeof...(Args)));
}
