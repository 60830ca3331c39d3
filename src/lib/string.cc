/// Blocks of bytes and C strings.
///
/// Long blocks move eight bytes at a time with `rep movsq` and `rep stosq`: an emulator steps
/// through the byte forms one by one, seven times slower, whatever CPUID promises of fast short
/// strings. Whatever length remains is done by one *overlapping* word at the end instead of a
/// loop over bytes: 13 bytes are the word at 0 and the word at 5. Short blocks are one compare
/// and two such overlapping moves.
///
/// Invariant: every byte that a move may overwrite is read before it. So the copies below are
/// right for any overlap in their direction.
#include "lib/string.h"

#include "lib/kasan.h"

namespace {

/// N bytes at any address, viewed as one number.
template <class T>
struct [[gnu::packed, gnu::may_alias]] Unaligned {
    T value;
};

template <class T>
T load(const u8* from) {
    return reinterpret_cast<const Unaligned<T>*>(from)->value;
}

template <class T>
void store(u8* to, T value) {
    reinterpret_cast<Unaligned<T>*>(to)->value = value;
}

/// Copies sizeof(T) to 2 * sizeof(T) bytes: the first T and the last T, which may overlap.
template <class T>
void copy_ends(u8* to, const u8* from, usize count) {
    const T head = load<T>(from);
    const T tail = load<T>(from + count - sizeof(T));
    store(to, head);
    store(to + count - sizeof(T), tail);
}

/// Fills sizeof(T) to 2 * sizeof(T) bytes in the same manner.
template <class T>
void fill_ends(u8* to, u64 pattern, usize count) {
    store(to, static_cast<T>(pattern));
    store(to + count - sizeof(T), static_cast<T>(pattern));
}

void copy_short(u8* to, const u8* from, usize count) {  // at most 16 bytes
    if (count >= 8) return copy_ends<u64>(to, from, count);
    if (count >= 4) return copy_ends<u32>(to, from, count);
    if (count >= 2) return copy_ends<u16>(to, from, count);
    if (count == 1) *to = *from;
}

void rep_movsq(u8* to, const u8* from, usize words) {
    kasan::note_read(from, words * 8);
    kasan::note_write(to, words * 8);
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

void rep_stosq(u8* to, u64 pattern, usize words) {
    kasan::note_write(to, words * 8);
    asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
}

/// More than 16 bytes, from low to high addresses: right unless `to` lies inside the source.
void copy_upwards(u8* to, const u8* from, usize count) {
    const u64 tail = load<u64>(from + count - 8);
    if (count <= 32) {
        const u64 first = load<u64>(from);
        const u64 second = load<u64>(from + 8);
        const u64 third = load<u64>(from + count - 16);
        store(to, first);
        store(to + 8, second);
        store(to + count - 16, third);
    } else {
        rep_movsq(to, from, count / 8);
    }
    store(to + count - 8, tail);
}

/// More than 16 bytes, from high to low addresses: right if `to` lies above `from`. `std; rep
/// movsq` would do, but slowly, and an interrupt would see the direction flag set.
void copy_downwards(u8* to, const u8* from, usize count) {
    const u64 head = load<u64>(from);
    while (count > 8) {
        count -= 8;
        u64 word = load<u64>(from + count);
        asm("" : "+r"(word));  // else the compiler sees a memmove here, and calls it
        store(to + count, word);
    }
    store(to, head);
}

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, usize count) {
    u8* const target = static_cast<u8*>(to);
    const u8* const source = static_cast<const u8*>(from);
    if (count <= 16) {
        copy_short(target, source, count);
    } else {
        copy_upwards(target, source, count);
    }
    return to;
}

void* memmove(void* to, const void* from, usize count) {
    // As unsigned numbers: a distance below `count` means that `to` lies inside the source.
    const u64 distance = reinterpret_cast<u64>(to) - reinterpret_cast<u64>(from);
    if (count <= 16 || distance >= count) return memcpy(to, from, count);
    copy_downwards(static_cast<u8*>(to), static_cast<const u8*>(from), count);
    return to;
}

void* memset(void* to, int value, usize count) {
    u8* const target = static_cast<u8*>(to);
    const u64 pattern = u64{0x0101010101010101} * static_cast<u8>(value);
    if (count > 16) {
        rep_stosq(target, pattern, count / 8);
        store(target + count - 8, pattern);
    } else if (count >= 8) {
        fill_ends<u64>(target, pattern, count);
    } else if (count >= 4) {
        fill_ends<u32>(target, pattern, count);
    } else if (count >= 2) {
        fill_ends<u16>(target, pattern, count);
    } else if (count == 1) {
        *target = static_cast<u8>(value);
    }
    return to;
}

int memcmp(const void* a, const void* b, usize count) {
    const u8* left = static_cast<const u8*>(a);
    const u8* right = static_cast<const u8*>(b);
    // Equal words are skipped; the bytes of the first unequal one decide below.
    while (count >= 8 && load<u64>(left) == load<u64>(right)) {
        left += 8;
        right += 8;
        count -= 8;
    }
    for (; count > 0; left++, right++, count--) {
        if (*left != *right) return *left < *right ? -1 : 1;
    }
    return 0;
}

void* memchr(const void* block, int value, usize count) {
    const u8* at = static_cast<const u8*>(block);
    for (const u8* const end = at + count; at != end; at++) {
        if (*at == static_cast<u8>(value)) return const_cast<u8*>(at);
    }
    return nullptr;
}

usize strlen(const char* text) {
    const char* end = text;
    while (*end != '\0') {
        end++;
        asm("" : "+r"(end));  // else the compiler sees a strlen here, and calls it
    }
    return static_cast<usize>(end - text);
}

usize strnlen(const char* text, usize limit) {
    usize length = 0;
    while (length < limit && text[length] != '\0') length++;
    return length;
}

int strcmp(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return static_cast<u8>(*a) - static_cast<u8>(*b);
}

int strncmp(const char* a, const char* b, usize limit) {
    for (usize i = 0; i < limit; i++) {
        if (a[i] != b[i] || a[i] == '\0') return static_cast<u8>(a[i]) - static_cast<u8>(b[i]);
    }
    return 0;
}

char* strchr(const char* text, int wanted) {
    for (;; text++) {
        if (*text == static_cast<char>(wanted)) return const_cast<char*>(text);
        if (*text == '\0') return nullptr;
    }
}

}  // extern "C"

usize copy_string(std::span<char> to, std::string_view text) {
    if (to.empty()) return text.size();
    const usize kept = text.size() < to.size() ? text.size() : to.size() - 1;
    memcpy(to.data(), text.data(), kept);
    to[kept] = '\0';
    return text.size();
}
