// The host side of the unit tests: the only file here that sees libc and GoogleTest.
//
// The objects of the kernel are built without libc headers and leave pointers to their tests in
// the section `ktests` (lib/test.h). Here each becomes a GoogleTest test, named by its path:
// "lib.list.fifo" is test "list.fifo" of suite "lib", so --gtest_filter=lib.list* works. What the
// kernel defines elsewhere (a failed ASSERT, an empty lab hole) is defined for the host below.
//
// VITRINE_SEED=n replays a property test with another seed; a failure prints the seed it had.
#include <gtest/gtest.h>

#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

// Both sides define these macros; nothing below uses either meaning.
#undef TEST
#undef EXPECT_EQ
#include "lib/lab.h"
#include "lib/test.h"

extern "C" const KernelTest* const __start_ktests[];
extern "C" const KernelTest* const __stop_ktests[];

namespace {

std::jmp_buf* expected_assert = nullptr;  // where a failed ASSERT is awaited

[[noreturn]] void stop(const char* kind, const char* what, const char* file, int line) {
    if (expected_assert) std::longjmp(*expected_assert, 1);
    std::fprintf(stderr, "%s:%d: %s: %s\n", file, line, kind, what);
    std::abort();
}

u64 seed() {
    const char* text = std::getenv("VITRINE_SEED");
    return text ? std::strtoull(text, nullptr, 0) : 1;
}

class KernelTestCase : public testing::Test {
public:
    explicit KernelTestCase(const KernelTest& test) : test_(test) {}

    void TestBody() override {
        TestContext context{.name = test_.name, .report = report, .seed = seed()};
        test_.run(context);
    }

private:
    static void report(TestContext& test, const char* what, Here where) {
        // A property test that is wrong may be wrong a million times; the first few tell.
        if (test.failures <= 10) {
            ADD_FAILURE_AT(where.file, where.line)
                << what << "\n(VITRINE_SEED=" << test.seed << ")";
        }
    }

    const KernelTest& test_;
};

/// Registers every test; false if two share a name, since one would then hide the other.
bool register_all() {
    std::set<std::string> names;
    for (const KernelTest* const* entry = __start_ktests; entry != __stop_ktests; entry++) {
        const KernelTest* test = *entry;
        const std::string path = test->name;
        const usize dot = path.find('.');
        if (dot == std::string::npos || !names.insert(path).second) {
            std::fprintf(stderr, "bad or doubled test name: %s\n", path.c_str());
            return false;
        }
        testing::RegisterTest(path.substr(0, dot).c_str(), path.substr(dot + 1).c_str(), nullptr,
                              nullptr, __FILE__, __LINE__,
                              [test]() -> testing::Test* { return new KernelTestCase(*test); });
    }
    return true;
}

}  // namespace

void assert_failed(const char* what, Here here) {
    stop("assertion failed", what, here.file, here.line);
}

void lab_todo(const char* lab, const char* function) { stop("not written yet", function, lab, 0); }

/// What a bounds check of the standard library calls: for a test the same as an ASSERT.
void std::__glibcxx_assert_fail(const char* file, int line, const char*,
                                const char* condition) noexcept {
    stop("bounds check failed", condition ? condition : "unreachable", file ? file : "?", line);
}

bool host_asserts(void (*body)(void*), void* context) {
    std::jmp_buf* const outer = expected_assert;
    std::jmp_buf here;
    volatile bool failed = false;
    expected_assert = &here;
    if (setjmp(here) == 0) {
        body(context);
    } else {
        failed = true;
    }
    expected_assert = outer;
    return failed;
}

/// The host's own printf, as an oracle for lib/format.cc.
extern "C" int host_snprintf(char* out, usize size, const char* format, ...) {
    va_list args;
    va_start(args, format);
    const int length = std::vsnprintf(out, size, format, args);
    va_end(args);
    return length;
}

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (!register_all()) return 2;
    const int result = RUN_ALL_TESTS();
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    std::printf("%d passed, %d failed\n", all.successful_test_count(), all.failed_test_count());
    // No test at all is a mistake of the build or of the filter, not a success.
    return result != 0 || all.test_to_run_count() == 0;
}
