// The handlers that the compiler's checks call. See README.md.
//
// They may be called anywhere, with any lock held: they take none but printk's.

#include <atomic>

#include "arch/cpu.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/ubsan/report.h"

namespace ubsan {

namespace {

constexpr u32 kReported = u32{1} << 31;  // of Location::line

constinit std::atomic<u64> reports{0};
constinit std::atomic<const char*> last_kind{""};
constinit std::atomic<u32> planting{0};

/// Whether it is to be told now: not a second time, and not while the end is being told.
bool is_news(Location& location) {
    if (is_anyone_panicking()) return false;
    const u32 line = std::atomic_ref(location.line).fetch_or(kReported);
    return !(line & kReported) || planting.load() > 0;
}

void begin(const Location& location, const char* kind) {
    reports.fetch_add(1);
    last_kind.store(kind);
    printk(Level::Emerg, "================================================================");
    printk(Level::Emerg, "UBSAN: %s in %s:%u:%u", kind, location.file, location.line & ~kReported,
           location.column);
}

void end() {
    print_backtrace(arch::frame_pointer(), 0);
    printk(Level::Emerg, "================================================================");
    if (planting.load() > 0) return;
    add_taint(Taint::Warn);
    if (panic_on_warn.load() != 0) panic("UBSAN: panic_on_warn is set");
}

i64 signed_value(const TypeDescriptor& type, Handle handle) {
    const u32 bits = type.bits();
    if (bits > 64) return *reinterpret_cast<const i64*>(handle);
    return bits == 64 ? i64(handle) : i64(handle << (64 - bits)) >> (64 - bits);
}

void tell_number(const char* what, const TypeDescriptor& type, Handle handle) {
    if (type.is_signed()) {
        printk(Level::Emerg, "%s %d of type %s", what, signed_value(type, handle),
               static_cast<const char*>(type.name));
    } else {
        printk(Level::Emerg, "%s %u of type %s", what, handle, static_cast<const char*>(type.name));
    }
}

void overflow(OverflowData& data, Handle left, Handle right, const char* sign) {
    if (!is_news(data.location)) return;
    begin(data.location, "signed-integer-overflow");
    printk(Level::Emerg, "%d %s %d cannot be represented in type %s", signed_value(data.type, left),
           sign, signed_value(data.type, right), static_cast<const char*>(data.type.name));
    end();
}

void plain(Location& location, const char* kind, const char* what) {
    if (!is_news(location)) return;
    begin(location, kind);
    printk(Level::Emerg, "%s", what);
    end();
}

bool is_negative(const TypeDescriptor& type, Handle value) {
    return type.is_signed() && signed_value(type, value) < 0;
}

}  // namespace

Report last_report() { return {reports.load(), last_kind.load()}; }
Planting::Planting() { planting.fetch_add(1); }
Planting::~Planting() { planting.fetch_sub(1); }

extern "C" {

void __ubsan_handle_add_overflow(OverflowData* data, Handle left, Handle right) {
    overflow(*data, left, right, "+");
}
void __ubsan_handle_sub_overflow(OverflowData* data, Handle left, Handle right) {
    overflow(*data, left, right, "-");
}
void __ubsan_handle_mul_overflow(OverflowData* data, Handle left, Handle right) {
    overflow(*data, left, right, "*");
}
void __ubsan_handle_negate_overflow(OverflowData* data, Handle value) {
    overflow(*data, 0, value, "-");
}

void __ubsan_handle_divrem_overflow(OverflowData* data, Handle left, Handle right) {
    if (signed_value(data->type, right) == -1) return overflow(*data, left, right, "/");
    plain(data->location, "division-overflow", "division by zero");
}

void __ubsan_handle_shift_out_of_bounds(ShiftData* data, Handle left, Handle right) {
    if (!is_news(data->location)) return;
    begin(data->location, "shift-out-of-bounds");
    if (is_negative(data->right, right)) {
        tell_number("shift exponent is negative:", data->right, right);
    } else if (right >= data->left.bits()) {
        printk(Level::Emerg, "shift exponent %u is too large for %u-bit type %s", right,
               data->left.bits(), static_cast<const char*>(data->left.name));
    } else {
        tell_number("left shift of", data->left, left);
        printk(Level::Emerg, "by %u places cannot be represented", right);
    }
    end();
}

void __ubsan_handle_out_of_bounds(OutOfBoundsData* data, Handle index) {
    if (!is_news(data->location)) return;
    begin(data->location, "array-index-out-of-bounds");
    tell_number("index", data->index, index);
    printk(Level::Emerg, "is out of range for type %s", static_cast<const char*>(data->array.name));
    end();
}

void __ubsan_handle_vla_bound_not_positive(TypeData* data, Handle bound) {
    if (!is_news(data->location)) return;
    begin(data->location, "vla-bound-not-positive");
    tell_number("length", data->type, bound);
    end();
}

void __ubsan_handle_load_invalid_value(TypeData* data, Handle value) {
    if (!is_news(data->location)) return;
    begin(data->location, "invalid-load");
    printk(Level::Emerg, "load of value %u is not a valid value for type %s", value & 0xff,
           static_cast<const char*>(data->type.name));
    end();
}

void __ubsan_handle_builtin_unreachable(UnreachableData* data) {
    plain(data->location, "unreachable", "calling __builtin_unreachable()");
    panic("UBSAN: code that cannot be reached was");
}
void __ubsan_handle_missing_return(UnreachableData* data) {
    plain(data->location, "missing-return", "the end of a function with a value was reached");
    panic("UBSAN: a function returns nothing");
}

void __ubsan_handle_nonnull_arg(NonNullData* data) {
    plain(data->location, "null-argument", "null passed where the parameter is never null");
}
void __ubsan_handle_nonnull_return_v1(NonNullData*, Location* location) {
    plain(*location, "null-return", "null returned where the function never returns null");
}
void __ubsan_handle_invalid_builtin(BuiltinData* data) {
    plain(data->location, "invalid-builtin", "zero passed to a builtin that counts zeros");
}

}  // extern "C"

}  // namespace ubsan
