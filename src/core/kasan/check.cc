// The checks that the compiler calls before each access, by size; and what it says about stacks and
// globals. Nothing here is instrumented.

#include "arch/layout.h"
#include "core/kasan/report.h"

namespace kasan {

namespace {

/// What lies below the direct map belongs to programs, or to nobody.
[[gnu::always_inline]] inline bool is_good(u64 at, usize bytes) {
    if (at < arch::kDirectMap.raw()) [[unlikely]] {
        return false;
    }
    const u64 last = at + bytes - 1;
    const i8 shadow = i8(*shadow_of(reinterpret_cast<void*>(last)));
    const bool good = shadow == 0 || i8(last % kGranule) < shadow;
    if (at / kGranule == last / kGranule) return good;
    return good && find_poison(reinterpret_cast<void*>(at), bytes) == nullptr;
}

void fail(u64 at, usize bytes, Kind kind, u64 caller) {
    const u8* const first = reinterpret_cast<const u8*>(at);
    const bool in_kernel = at >= arch::kDirectMap.raw();
    const u8* const bad = in_kernel ? find_poison(first, bytes) : first;
    if (bad == nullptr) return;
    report_access({first, bytes, kind, caller}, bad);
}

[[gnu::always_inline]] inline void check(u64 at, usize bytes, Kind kind, u64 caller) {
    if (bytes == 0 || is_good(at, bytes)) [[likely]] {
        return;
    }
    fail(at, bytes, kind, caller);
}

/// A global as the compiler describes it.
struct Global {
    u64 start, bytes, bytes_with_redzone;
    const char* name;
    const char* module;
    u64 dynamic, location, indicator;
};

}  // namespace

void check_range(const void* at, usize bytes, Kind kind, u64 caller) {
    check(reinterpret_cast<u64>(at), bytes, kind, caller);
}

}  // namespace kasan

using kasan::Kind;
#define CALLER reinterpret_cast<u64>(__builtin_return_address(0))

extern "C" {

#define CHECKS(size)                                                                         \
    void __asan_load##size##_noabort(u64 at) { kasan::check(at, size, Kind::Read, CALLER); } \
    void __asan_store##size##_noabort(u64 at) { kasan::check(at, size, Kind::Write, CALLER); }
CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)

void __asan_loadN_noabort(u64 at, usize bytes) { kasan::check(at, bytes, Kind::Read, CALLER); }
void __asan_storeN_noabort(u64 at, usize bytes) { kasan::check(at, bytes, Kind::Write, CALLER); }

// A function that does not return leaves the red zones of its callers: whoever gets the stack next
// cleans it (mm/kasan.h).
void __asan_handle_no_return() {}

void __asan_register_globals(kasan::Global* globals, usize count) {
    for (usize i = 0; i < count; i++) {
        const kasan::Global& global = globals[i];
        const u8* const start = reinterpret_cast<const u8*>(global.start);
        kasan::unpoison(start, global.bytes);
        const usize whole = align_up(global.bytes, kasan::kGranule);
        kasan::poison(start + whole, global.bytes_with_redzone - whole, kasan::Poison::Global);
    }
}
void __asan_unregister_globals(kasan::Global*, usize) {}

// Variables in a scope of their own, in a loop for instance.
void __asan_poison_stack_memory(const void* at, usize bytes) {
    kasan::poison(at, bytes, kasan::Poison::StackScope);
}
void __asan_unpoison_stack_memory(const void* at, usize bytes) { kasan::unpoison(at, bytes); }

void __asan_alloca_poison(u64 at, usize bytes) {
    const usize whole = align_up(bytes, 32);
    u8* const start = reinterpret_cast<u8*>(at);
    kasan::poison(start - 32, 32, kasan::Poison::AllocaLeft);
    kasan::unpoison(start, bytes);
    kasan::poison(start + align_up(bytes, kasan::kGranule),
                  whole + 32 - align_up(bytes, kasan::kGranule), kasan::Poison::AllocaRight);
}
void __asan_allocas_unpoison(u64 top, u64 bottom) {
    if (top == 0 || top > bottom) return;
    kasan::unpoison(reinterpret_cast<void*>(top), bottom - top);
}

// The compiler calls these instead of clearing long stretches itself.
#define SET_SHADOW(value)                                    \
    void __asan_set_shadow_##value(u8* at, usize bytes) {    \
        for (usize i = 0; i < bytes; i++) at[i] = 0x##value; \
    }
SET_SHADOW(00)
SET_SHADOW(f1)
SET_SHADOW(f2)
SET_SHADOW(f3)
SET_SHADOW(f5)
SET_SHADOW(f8)

}  // extern "C"
