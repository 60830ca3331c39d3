// host-only
/// The formatter against the host's printf: random directives must give the same text.
#include "lib/format.h"
#include "lib/test.h"

extern "C" int host_snprintf(char* out, usize size, const char* format, ...);

namespace {

/// A random directive without its letter, such as "%-#08.3l".
class Directive {
public:
    Directive(TestRandom& random, const char* flags, std::string_view modifier, char letter) {
        put('%');
        for (; *flags; flags++) {
            if (random.one_in(3)) put(*flags);
        }
        if (random.one_in(2)) put_number(random.below(30));
        if (letter != 'c' && random.one_in(2)) {
            put('.');
            if (!random.one_in(4)) put_number(random.below(25));
        }
        for (const char c : modifier) put(c);
        put(letter);
    }
    const char* c_str() const { return text_; }

private:
    void put(char c) { text_[length_++] = c; }
    void put_number(u64 number) {
        if (number == 0) return;  // a width of 0 would be the flag
        if (number >= 10) put(static_cast<char>('0' + number / 10));
        put(static_cast<char>('0' + number % 10));
    }

    char text_[32] = {};
    usize length_ = 0;
};

/// Formats `value` both ways into a buffer of random size; true if all is the same.
template <class T>
bool agree(TestRandom& random, const Directive& directive, T value) {
    char ours[64], theirs[64];
    for (usize i = 0; i < sizeof(ours); i++) ours[i] = theirs[i] = '?';
    const usize size = random.one_in(4) ? random.below(sizeof(ours)) : sizeof(ours);
    const usize got = format_to(std::span(ours).first(size), directive.c_str(), value);
    const int want = host_snprintf(theirs, size, directive.c_str(), value);
    return got == static_cast<usize>(want) &&
           std::string_view(ours, sizeof(ours)) == std::string_view(theirs, sizeof(theirs));
}

/// Numbers of all lengths, and those at the edges.
u64 number(TestRandom& random) {
    if (random.one_in(8)) return random.below(3) - 1;
    return random.next() >> random.below(64);
}

}  // namespace

TEST(format_agrees_with_the_hosts_printf, "lib.format.oracle") {
    TestRandom random(test.seed);
    for (int round = 0; round < 200000; round++) {
        const char letter = "diuxXo"[random.below(6)];
        const bool is_signed = letter == 'd' || letter == 'i';
        const char* const flags = is_signed ? "-0+ " : letter == 'u' ? "-0+ " : "-0+ #";
        const u64 value = number(random);
        const bool wide = random.one_in(2);
        const Directive directive(random, flags, wide ? "l" : "", letter);
        bool same;
        if (is_signed) {
            same = wide ? agree(random, directive, static_cast<long>(value))
                        : agree(random, directive, static_cast<int>(value));
        } else if (random.one_in(2)) {
            same = wide ? agree(random, directive, value)
                        : agree(random, directive, static_cast<u32>(value));
        } else {
            same = wide ? agree(random, directive, static_cast<long>(value))
                        : agree(random, directive, static_cast<int>(value));
        }
        if (!same) test.fail(directive.c_str(), TEST_HERE);
    }
}

TEST(format_texts_agree_with_the_hosts_printf, "lib.format.oracle_text") {
    constexpr const char* kTexts[] = {"", "a", "shell", "a text that is rather long, really"};
    TestRandom random(test.seed);
    for (int round = 0; round < 20000; round++) {
        const Directive directive(random, "-", "", 's');
        const char* const text = kTexts[random.below(4)];
        if (!agree(random, directive, text)) test.fail(directive.c_str(), TEST_HERE);
        const Directive single(random, "-", "", 'c');
        const char c = static_cast<char>('a' + random.below(26));
        if (!agree(random, single, c)) test.fail(single.c_str(), TEST_HERE);
    }
}
