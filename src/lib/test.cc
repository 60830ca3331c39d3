/// The text of a failed EXPECT_EQ: "EXPECT_EQ(a, b): got 3 (0x3), want 4 (0x4)". It is put
/// together by hand, so that it can be trusted even while the formatter is what fails.
#include "lib/test.h"

#include <span>

namespace {

/// A line that is cut off when full.
class Line {
public:
    void put(char c) {
        if (length_ < sizeof(text_) - 1) text_[length_++] = c;
    }
    void put(std::string_view text) {
        for (char c : text) put(c);
    }
    void put_number(u64 value, unsigned base) {
        char digits[20];
        usize count = 0;
        do {
            digits[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0) put(digits[--count]);
    }
    const char* c_str() const { return text_; }

private:
    char text_[400] = {};
    usize length_ = 0;
};

void put_value(Line& line, const TestValue& value) {
    switch (value.kind) {
    case TestValue::Kind::Signed:
        if (static_cast<i64>(value.bits) < 0) {
            line.put('-');
            return line.put_number(-value.bits, 10);
        }
        [[fallthrough]];
    case TestValue::Kind::Unsigned:
        line.put_number(value.bits, 10);
        line.put(" (0x");
        line.put_number(value.bits, 16);
        return line.put(')');
    case TestValue::Kind::Text:
        line.put('"');
        line.put(value.text);
        return line.put('"');
    case TestValue::Kind::Opaque: return line.put("(a value without a text form)");
    }
}

}  // namespace

void test_not_equal(TestContext& test, const char* what, TestValue got, TestValue want,
                    Here where) {
    Line line;
    line.put(what);
    line.put(": got ");
    put_value(line, got);
    line.put(", want ");
    put_value(line, want);
    test.fail(line.c_str(), where);
}
