/// Little-endian numbers in byte buffers: a bounded reader for requests, a bounded writer for
/// answers. Both remember the first overrun in `bad` and do nothing afterwards, so a handler
/// checks once, at its end.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t* at;
    size_t left;
    int bad;
} Reader;

typedef struct {
    uint8_t* bytes;
    size_t length, capacity;
    int bad;
} Writer;

/// The next `size` bytes (at most 8) as a number; 0 and `bad` when there are fewer.
static inline uint64_t get_number(Reader* in, size_t size) {
    if (in->bad || in->left < size) {
        in->bad = 1;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint64_t)in->at[i] << (8 * i);
    in->at += size;
    in->left -= size;
    return value;
}

/// Copies the next `str` to `out` (`capacity` bytes) with a NUL; refuses embedded NULs.
static inline void get_string(Reader* in, char* out, size_t capacity) {
    const size_t length = get_number(in, 2);
    out[0] = '\0';
    if (in->bad || length > in->left || length >= capacity || memchr(in->at, 0, length)) {
        in->bad = 1;
        return;
    }
    memcpy(out, in->at, length);
    out[length] = '\0';
    in->at += length;
    in->left -= length;
}

static inline void put_bytes(Writer* out, const void* data, size_t length) {
    if (out->bad || length > out->capacity - out->length) {
        out->bad = 1;
        return;
    }
    memcpy(out->bytes + out->length, data, length);
    out->length += length;
}

static inline void put_number(Writer* out, uint64_t value, size_t size) {
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> (8 * i));
    put_bytes(out, bytes, size);
}

static inline void put_string(Writer* out, const char* text) {
    const size_t length = strlen(text);
    put_number(out, length, 2);
    put_bytes(out, text, length);
}
