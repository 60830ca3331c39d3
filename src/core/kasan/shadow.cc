#include "core/kasan/shadow.h"

#include "lib/string.h"

namespace kasan {

void poison(const void* at, usize bytes, Poison why) {
    u8* const first = shadow_of(at);
    for (usize i = 0; i < (bytes + kGranule - 1) / kGranule; i++) first[i] = u8(why);
}

void unpoison(const void* at, usize bytes) {
    u8* const first = shadow_of(at);
    for (usize i = 0; i < bytes / kGranule; i++) first[i] = 0;
    if (bytes % kGranule != 0) first[bytes / kGranule] = u8(bytes % kGranule);
}

namespace {

/// How many bytes of the granule may be accessed, from its start.
unsigned good_bytes(u8 shadow) { return shadow == 0 ? kGranule : shadow < kGranule ? shadow : 0; }

}  // namespace

const u8* find_poison(const void* memory, usize bytes) {
    const u8* at = static_cast<const u8*>(memory);
    const u8* const end = at + bytes;
    while (at < end) {
        const u64 offset = reinterpret_cast<u64>(at) % kGranule;
        const unsigned good = good_bytes(*shadow_of(at));
        if (offset >= good) return at;
        const u8* const granule = at - offset;
        if (good < kGranule) return granule + good < end ? granule + good : nullptr;
        at = granule + kGranule;
    }
    return nullptr;
}

}  // namespace kasan
