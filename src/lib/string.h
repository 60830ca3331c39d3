/// Blocks of bytes and C strings: the few functions of <string.h> that a kernel needs.
///
/// The compiler calls memcpy, memmove, memset and memcmp on its own, so these have C linkage
/// and the standard signatures. Where text is handled, std::string_view is the better type:
/// it cannot run off the end. All are callable from any context.
#pragma once

#include <span>
#include <string_view>

#include "lib/types.h"

extern "C" {

/// Copies `count` bytes; the blocks may not overlap. Returns `to`.
void* memcpy(void* to, const void* from, usize count);

/// Copies `count` bytes as if through a third place: the blocks may overlap. Returns `to`.
void* memmove(void* to, const void* from, usize count);

/// Fills `count` bytes with the low byte of `value`. Returns `to`.
void* memset(void* to, int value, usize count);

/// Compares bytes as unsigned numbers: <0, 0 or >0 as `a` sorts before, with or after `b`.
int memcmp(const void* a, const void* b, usize count);

/// The first of `count` bytes that equals the low byte of `value`, or null.
void* memchr(const void* block, int value, usize count);

/// The number of characters before the terminating NUL.
usize strlen(const char* text);

/// The same, but looks at no more than `limit` characters: for text that may lack its NUL.
usize strnlen(const char* text, usize limit);

/// Compares two strings like memcmp, up to and including the first NUL.
int strcmp(const char* a, const char* b);

/// The same for at most `limit` characters.
int strncmp(const char* a, const char* b, usize limit);

/// The first `wanted` in `text` (the NUL counts as part of it), or null.
char* strchr(const char* text, int wanted);

}  // extern "C"

/// Puts `text` into `to` with a terminating NUL, cut off if there is too little room. Returns
/// text.size(): a result >= to.size() means it was cut off (as strlcpy). An empty `to` is left
/// alone.
usize copy_string(std::span<char> to, std::string_view text);
