/// Text from values: the formatter behind printk().
///
/// Four steps, one function each: parse_spec() reads a directive ("%-8.3lx"), convert() fetches
/// the argument and decides, to_digits() turns a number into digits, put_number() and put_text()
/// add sign, prefix and padding. All output passes through Output, which alone knows the buffer.
#include "lib/format.h"

#include "lib/errno_name.h"
#include "lib/lab.h"
#include "lib/string.h"

namespace {

/// The buffer. Counts every character, keeps those that fit.
class Output {
public:
    explicit Output(std::span<char> room) : room_(room) {}

    void put(char c) {
        if (length_ + 1 < room_.size()) room_[length_] = c;
        length_++;
    }
    void put(std::string_view text) {
        for (const char c : text) put(c);
    }
    /// Puts `c` `times` times; not at all if `times` is negative.
    void repeat(char c, isize times) {
        for (; times > 0; times--) put(c);
    }
    /// Terminates the text; returns its whole length.
    usize finish() {
        if (!room_.empty()) room_[length_ < room_.size() ? length_ : room_.size() - 1] = '\0';
        return length_;
    }

private:
    std::span<char> room_;
    usize length_ = 0;
};

/// The arguments, in order.
class ArgList {
public:
    explicit ArgList(std::span<const FormatArg> args) : args_(args) {}

    bool empty() const { return next_ == args_.size(); }

    /// The next argument, or null after the last.
    const FormatArg* next() { return empty() ? nullptr : &args_[next_++]; }

    /// Takes the next argument as the value of a `*`. False if it is missing or not a number;
    /// then it is not taken.
    bool next_width(int& value) {
        using enum FormatArg::Kind;
        if (empty() || (args_[next_].kind != Signed && args_[next_].kind != Unsigned)) return false;
        const i64 wide = static_cast<i64>(args_[next_++].bits);
        const i64 limit = kMaxFormatWidth;
        value = static_cast<int>(wide < -limit ? -limit : wide > limit ? limit : wide);
        return true;
    }

private:
    std::span<const FormatArg> args_;
    usize next_ = 0;
};

/// What stands between a '%' and the letter, and the letter.
struct Spec {
    bool left = false;       // '-': pad on the right
    bool zero = false;       // '0': pad a number with zeros
    bool plus = false;       // '+': a sign also for positive numbers
    bool space = false;      // ' ': a space where the sign would be
    bool alternate = false;  // '#': 0x before hexadecimal, 0 before octal
    int width = 0;           // at least so many characters
    int precision = -1;      // digits at least, or characters of a text at most; -1: not given
    char letter = '\0';      // '*' for a width that was no number; NUL at the end of the format
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Sets the flag that `c` stands for; false if `c` is not a flag.
[[maybe_unused]] bool set_flag(Spec& spec, char c) {
    switch (c) {
    case '-': return spec.left = true;
    case '0': return spec.zero = true;
    case '+': return spec.plus = true;
    case ' ': return spec.space = true;
    case '#': return spec.alternate = true;
    default: return false;
    }
}

/// Reads a decimal number, which may be absent (0), up to kMaxFormatWidth.
[[maybe_unused]] int read_number(const char*& at) {
    int value = 0;
    for (; is_digit(*at); at++) {
        value = value * 10 + (*at - '0');
        if (value > kMaxFormatWidth) value = kMaxFormatWidth;
    }
    return value;
}

/// Reads the directive that starts at `at`, behind its '%'.
///
/// LAB boot, task 1 "Text" (handouts/01-boot.md). Write the body.
///   Before  `at` points behind a '%'. What follows is: flags, width, '.' and precision, length
///           modifiers, letter; all but the letter may be absent. `*` as width or precision means
///           the next argument.
///   After   `at` points behind the letter (but never behind the end of the format), the Spec
///           says what was read. A negative `*` width means left-aligned; a negative `*`
///           precision, none. Where `*` finds no number, letter is '*', and nothing more is read.
///   Use     set_flag(), read_number(), args.next_width().
///   Check   `make grade LAB=boot T=printk`
///   Think   "%05d" and "%50d": how does your code tell the flag 0 from the digit 0?
///           (20-25 lines of code)
Spec parse_spec(const char*& at, ArgList& args) {
#ifdef SOLVED_BOOT
    Spec spec;
    while (set_flag(spec, *at)) at++;
    if (*at != '*') {
        spec.width = read_number(at);
    } else if (at++; !args.next_width(spec.width)) {
        spec.letter = '*';
        return spec;
    }
    if (spec.width < 0) {
        spec.left = true;
        spec.width = -spec.width;
    }
    if (*at == '.') {
        at++;
        if (*at != '*') {
            spec.precision = read_number(at);
        } else if (at++; !args.next_width(spec.precision)) {
            spec.letter = '*';
            return spec;
        }
    }
    while (*at == 'h' || *at == 'l' || *at == 'z' || *at == 'j' || *at == 't') at++;
    if (*at != '\0') spec.letter = *at++;
    return spec;
#else
    lab_todo("boot", "parse_spec");
#endif
}

/// Room for the digits of any u64 in any base from 2 up.
struct DigitRoom {
    char at[64];
};

/// The digits of `value` in `base` (2 to 16), most significant first, without leading zeros; "0"
/// for 0. They stand in `room`.
///
/// LAB boot, task 1 "Text" (handouts/01-boot.md). Write the body.
///   Before  `digits` holds the sixteen digit characters in the wanted case.
///   After   the result views the digits, wherever in `room` they stand.
///   Use     nothing but arithmetic.
///   Check   `make grade LAB=boot T=printk`
///   Think   division yields the last digit first. From which end of `room` should you fill it?
///           (4-8 lines of code)
std::string_view to_digits(u64 value, unsigned base, const char* digits, DigitRoom& room) {
#ifdef SOLVED_BOOT
    usize first = sizeof(room.at);
    do {
        room.at[--first] = digits[value % base];
        value /= base;
    } while (value != 0);
    return {room.at + first, sizeof(room.at) - first};
#else
    lab_todo("boot", "to_digits");
#endif
}

/// Puts a number: padding, `prefix` (sign or "0x"), zeros, `digits`, padding.
///
/// LAB boot, task 1 "Text" (handouts/01-boot.md). Write the body.
///   Before  `digits` has no leading zeros, and is empty if nothing but zeros shall appear.
///   After   spec.width characters or more were put. A precision asks for at least so many
///           digits: zeros make up for what is missing. Without a precision, the flag '0' fills
///           the width with zeros, unless '-' is given too. What is then missing of the width is
///           spaces: on the left, or with '-' on the right. Nothing is ever cut off.
///   Use     out.put(), out.repeat() (which ignores negative counts).
///   Check   `make grade LAB=boot T=printk`
///   Think   why does the prefix stand before the zeros, but after the spaces?
///           (8-12 lines of code)
void put_number(Output& out, const Spec& spec, std::string_view prefix, std::string_view digits) {
#ifdef SOLVED_BOOT
    const isize used = static_cast<isize>(prefix.size() + digits.size());
    isize zeros = 0;
    if (spec.precision >= 0) {
        zeros = spec.precision - static_cast<isize>(digits.size());
    } else if (spec.zero && !spec.left) {
        zeros = spec.width - used;
    }
    if (zeros < 0) zeros = 0;
    const isize spaces = spec.width - used - zeros;
    if (!spec.left) out.repeat(' ', spaces);
    out.put(prefix);
    out.repeat('0', zeros);
    out.put(digits);
    if (spec.left) out.repeat(' ', spaces);
#else
    lab_todo("boot", "put_number");
#endif
}

/// Puts a text.
///
/// LAB boot, task 1 "Text" (handouts/01-boot.md). Write the body.
///   Before  `text` may be of any length, and may contain any character.
///   After   at most spec.precision characters of it were put (all, if there is no precision), and
///           spaces to make it spec.width characters: on the left, or with '-' on the right.
///   Use     out.put(), out.repeat(), text.substr() or text.size().
///   Check   `make grade LAB=boot T=printk`
///   Think   which of width and precision can shorten the output, and which can lengthen it?
///           (4-8 lines of code)
void put_text(Output& out, const Spec& spec, std::string_view text) {
#ifdef SOLVED_BOOT
    const usize limit = static_cast<usize>(spec.precision);
    if (spec.precision >= 0 && text.size() > limit) text.remove_suffix(text.size() - limit);
    const isize spaces = spec.width - static_cast<isize>(text.size());
    if (!spec.left) out.repeat(' ', spaces);
    out.put(text);
    if (spec.left) out.repeat(' ', spaces);
#else
    lab_todo("boot", "put_text");
#endif
}

/// Puts what is wrong with a directive: "%!d(missing)".
void put_complaint(Output& out, char letter, std::string_view what) {
    out.put("%!");
    out.put(letter);
    out.put('(');
    out.put(what);
    out.put(')');
}

void put_kind_complaint(Output& out, char letter, FormatArg::Kind kind) {
    static constexpr const char* kNames[] = {"none",  "int",     "unsigned", "char",  "bool",
                                             "errno", "pointer", "string",   "string"};
    put_complaint(out, letter, kNames[static_cast<usize>(kind)]);
}

bool is_number(const FormatArg& arg) {
    using enum FormatArg::Kind;
    return arg.kind >= Signed && arg.kind <= Error;
}

/// %d %i: the number as it is.
void put_decimal(Output& out, const Spec& spec, const FormatArg& arg) {
    const bool negative = arg.kind != FormatArg::Kind::Unsigned && static_cast<i64>(arg.bits) < 0;
    const u64 magnitude = negative ? -arg.bits : arg.bits;
    const char* const sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
    DigitRoom room;
    std::string_view digits = to_digits(magnitude, 10, "0123456789", room);
    if (spec.precision == 0 && magnitude == 0) digits = {};
    put_number(out, spec, sign, digits);
}

/// The prefix of octal is a leading zero *digit*: asks for one digit more, unless a zero will
/// stand there anyway.
void ask_for_octal_zero(Spec& spec, std::string_view digits) {
    const int count = static_cast<int>(digits.size());
    const bool zero_filled = spec.precision > count ||
                             (spec.precision < 0 && spec.zero && !spec.left && spec.width > count);
    if (digits != "0" && !zero_filled) spec.precision = count + 1;
}

/// %u %x %X %o: the number modulo two to the power of its size in bits.
void put_unsigned(Output& out, Spec spec, const FormatArg& arg) {
    const u64 value = arg.size < 8 ? arg.bits & ((u64{1} << (arg.size * 8)) - 1) : arg.bits;
    const bool upper = spec.letter == 'X', octal = spec.letter == 'o';
    const unsigned base = octal ? 8 : spec.letter == 'u' ? 10 : 16;
    DigitRoom room;
    std::string_view digits =
        to_digits(value, base, upper ? "0123456789ABCDEF" : "0123456789abcdef", room);
    if (spec.precision == 0 && value == 0) digits = {};

    std::string_view prefix;
    if (spec.alternate && base == 16 && value != 0) prefix = upper ? "0X" : "0x";
    if (spec.alternate && octal) ask_for_octal_zero(spec, digits);
    put_number(out, spec, prefix, digits);
}

void put_pointer(Output& out, Spec spec, u64 address) {
    DigitRoom room;
    spec.precision = 16;
    put_number(out, spec, "0x", to_digits(address, 16, "0123456789abcdef", room));
}

/// %s: anything that has a text.
void put_string(Output& out, const Spec& spec, const FormatArg& arg) {
    switch (arg.kind) {
    case FormatArg::Kind::Text: return put_text(out, spec, {arg.text, arg.length});
    case FormatArg::Kind::Bool: return put_text(out, spec, arg.bits != 0 ? "true" : "false");
    case FormatArg::Kind::Error:
        return put_text(out, spec, errno_name(static_cast<Errno>(arg.bits)));
    case FormatArg::Kind::CString: {
        if (!arg.text) return put_text(out, spec, "(null)");
        // A text may lack its NUL where a precision says how much of it to look at.
        const usize limit = spec.precision < 0 ? ~usize{0} : static_cast<usize>(spec.precision);
        return put_text(out, spec, {arg.text, strnlen(arg.text, limit)});
    }
    default: return put_kind_complaint(out, 's', arg.kind);
    }
}

/// Carries out one directive.
void convert(Output& out, const Spec& spec, ArgList& args) {
    using enum FormatArg::Kind;
    if (spec.letter == '%') return out.put('%');
    if (spec.letter == '\0') return out.put("%!(no letter)");
    const std::string_view known = "diuxXocsp*";
    if (known.find(spec.letter) == known.npos) return put_complaint(out, spec.letter, "unknown");
    const FormatArg* const arg = args.next();
    if (!arg) return put_complaint(out, spec.letter, "missing");

    switch (spec.letter) {
    case 'd':
    case 'i':
        if (is_number(*arg)) return put_decimal(out, spec, *arg);
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        if (is_number(*arg)) return put_unsigned(out, spec, *arg);
        break;
    case 'c':
        if (arg->kind >= Signed && arg->kind <= Char) {
            const char c = static_cast<char>(arg->bits);
            return put_text(out, {.left = spec.left, .width = spec.width}, {&c, 1});
        }
        break;
    case 's': return put_string(out, spec, *arg);
    case 'p':
        if (arg->kind == Pointer || arg->kind == Unsigned || arg->kind == CString) {
            return put_pointer(out, spec, arg->bits);
        }
        break;
    }
    put_kind_complaint(out, spec.letter, arg->kind);
}

}  // namespace

usize vformat(std::span<char> out, const char* format, std::span<const FormatArg> args) {
    Output output(out);
    ArgList list(args);
    while (*format != '\0') {
        if (*format != '%') {
            output.put(*format++);
            continue;
        }
        format++;
        const Spec spec = parse_spec(format, list);
        convert(output, spec, list);
    }
    if (!list.empty()) output.put("%!(extra)");
    return output.finish();
}
