/// TEST(): one way to write a unit test, two places where it runs.
///
///     // host-test
///     TEST(list_is_fifo, "lib.list.fifo") { EXPECT_EQ(list.pop_front(), &first); }
///
/// In the kernel build each test leaves a pointer in the linker section `.ktests`; the command
/// line `ktest=lib.*` runs them. A file whose first line is `// host-test` is also built for the
/// host, where tests/host runs it under GoogleTest with the address and UB sanitizers. A file
/// that starts with `// host-only` runs there alone. Tests allocate nothing and see no libc.
///
/// A failed check is counted and reported, and the test goes on; REQUIRE() leaves the test.
#pragma once

#include <concepts>
#include <new>
#include <string_view>
#include <type_traits>

#include "lib/assert.h"
#include "lib/types.h"

/// One running test. The runner fills it in; the macros below report to it.
struct TestContext {
    const char* name;
    void (*report)(TestContext& test, const char* what, Here where);  // prints one failed check
    u64 seed = 1;      // of every random choice in the test; the runner prints it
    u32 failures = 0;  // failed checks so far

    void fail(const char* what, Here where) {
        failures++;
        report(*this, what, where);
    }
};

/// One registered test. Names are "folder.topic.case", so that patterns select groups.
struct KernelTest {
    const char* name;
    void (*run)(TestContext& test);
};

/// A value as a failed EXPECT_EQ shows it. Deliberately not a FormatArg: the tests of format.cc
/// must be able to say what went wrong in it.
struct TestValue {
    enum class Kind : u8 { Signed, Unsigned, Text, Opaque };
    Kind kind = Kind::Opaque;
    u64 bits = 0;
    std::string_view text = {};

    template <class T>
    static TestValue of(const T& value);
};

/// Reports `what` together with both values.
void test_not_equal(TestContext& test, const char* what, TestValue got, TestValue want, Here where);

/// Equality in the mathematical sense: -1 never equals 0xffffffff, and int compares with usize.
template <class A, class B>
constexpr bool test_equal(const A& a, const B& b) {
    if constexpr (std::integral<A> && std::integral<B>) {
        if (std::is_signed_v<A> != std::is_signed_v<B> && (a < A(0) || b < B(0))) return false;
        return static_cast<u64>(a) == static_cast<u64>(b);
    } else {
        return a == b;
    }
}

template <class T>
TestValue TestValue::of(const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
        return {.kind = Kind::Text, .text = value};
    } else if constexpr (std::is_enum_v<T>) {
        return of(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::signed_integral<T>) {
        return {.kind = Kind::Signed, .bits = static_cast<u64>(i64{value})};
    } else if constexpr (std::integral<T>) {
        return {.kind = Kind::Unsigned, .bits = value};
    } else if constexpr (std::is_pointer_v<T>) {
        return {.kind = Kind::Unsigned, .bits = reinterpret_cast<u64>(value)};
    } else if constexpr (requires { u64{value.raw()}; }) {
        return {.kind = Kind::Unsigned, .bits = value.raw()};
    } else {
        return {};
    }
}

/// What EXPECT_EQ does. Not inlined, so that a test with many checks keeps a small stack frame.
template <class A, class B>
[[gnu::noinline]] void test_expect_equal(TestContext& test, const A& got, const B& want,
                                         const char* what, Here where) {
    if (test_equal(got, want)) return;
    test_not_equal(test, what, TestValue::of(got), TestValue::of(want), where);
}

/// A small generator for property tests (splitmix64): the same seed gives the same test.
class TestRandom {
public:
    explicit TestRandom(u64 seed) : state_(seed) {}

    u64 next() {
        u64 mixed = state_ += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    /// A number in [0, limit); `limit` is not 0.
    u64 below(u64 limit) { return next() % limit; }
    bool one_in(u64 chances) { return below(chances) == 0; }

private:
    u64 state_;
};

/// N fresh objects that are never destroyed, for `static` use: an array too large for a kernel
/// stack, or objects that a failed ASSERT leaves in a state that must not be looked at again.
///
///     static TestForever<Item, 64> storage;
///     Item* items = storage.make();
template <class T, usize N>
class TestForever {
public:
    T* make() {
        for (usize i = 0; i < N; i++) new (bytes_ + i * sizeof(T)) T();
        return std::launder(reinterpret_cast<T*>(bytes_));
    }

private:
    alignas(T) std::byte bytes_[N * sizeof(T)];
};

#ifdef HOST_TEST
#define TEST_SECTION "ktests"  // a C identifier: the host linker supplies __start_ and __stop_

/// Whether body(context) ends in a failed ASSERT (tests/host/host_main.cc). What the body had on
/// its stack is abandoned, not destroyed.
bool host_asserts(void (*body)(void* context), void* context);

/// Expects that `expression` fails an ASSERT. The kernel cannot survive one, so it skips this.
#define EXPECT_ASSERTS(expression)                                                     \
    do {                                                                               \
        auto test_body = [&] { (void)(expression); };                                  \
        auto test_call = [](void* it) { (*static_cast<decltype(&test_body)>(it))(); }; \
        if (!host_asserts(test_call, &test_body)) {                                    \
            test.fail("EXPECT_ASSERTS(" #expression ")", TEST_HERE);                   \
        }                                                                              \
    } while (0)
#else
#define TEST_SECTION ".ktests"
#define EXPECT_ASSERTS(expression)                \
    do {                                          \
        if (false) static_cast<void>(expression); \
    } while (0)

/// The registered tests, between two symbols of the linker script around `.ktests`.
extern "C" const KernelTest* const __ktests_start[];
extern "C" const KernelTest* const __ktests_end[];
#endif

#define TEST_HERE \
    Here { __FILE__, __LINE__, test.name }

/// Defines and registers a test; the body follows. `ident` is a C++ name, `path` the name that
/// patterns match.
#define TEST(ident, path)                                                                          \
    static void test_##ident(TestContext& test);                                                   \
    static constexpr KernelTest ktest_##ident = {path, test_##ident};                              \
    [[gnu::used, gnu::section(TEST_SECTION)]] static const KernelTest* const ktest_entry_##ident = \
        &ktest_##ident;                                                                            \
    static void test_##ident([[maybe_unused]] TestContext& test)

#define EXPECT(condition)                                                 \
    do {                                                                  \
        if (!(condition)) test.fail("EXPECT(" #condition ")", TEST_HERE); \
    } while (0)

/// Like EXPECT, but a failure ends the test: for what later lines rely on.
#define REQUIRE(condition)                                   \
    do {                                                     \
        if (!(condition)) {                                  \
            test.fail("REQUIRE(" #condition ")", TEST_HERE); \
            return;                                          \
        }                                                    \
    } while (0)

#define EXPECT_EQ(got, want) \
    test_expect_equal(test, (got), (want), "EXPECT_EQ(" #got ", " #want ")", TEST_HERE)
