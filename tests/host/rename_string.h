// Forced into string.cc and string_test.cc on the host, where the plain names belong to libc and
// to the address sanitizer: the kernel's versions are linked, and tested, under other names.
#pragma once
#define memcpy vitrine_memcpy
#define memmove vitrine_memmove
#define memset vitrine_memset
#define memcmp vitrine_memcmp
#define memchr vitrine_memchr
#define strlen vitrine_strlen
#define strnlen vitrine_strnlen
#define strcmp vitrine_strcmp
#define strncmp vitrine_strncmp
#define strchr vitrine_strchr
