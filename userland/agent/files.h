/// What the grader reads and writes in the guest's file tree (grader/PROTOCOL.md 4).
///
/// Each call opens, works and closes, so nothing is held between requests. All return 0 or an
/// errno; the ones that fill *result* set `*total` to its new length.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { kResultSize = 65536 };
enum { kWriteCreate = 1, kWriteTruncate = 2, kWriteAppend = 4 };

/// Where WRITE puts the bytes, and how.
typedef struct {
    char path[512];
    uint64_t offset;
    uint32_t length;
    uint8_t flags;
    uint16_t mode;
} WriteSpec;

int file_read(const char* path, uint64_t offset, uint32_t length, uint8_t* result, size_t* total);
int file_write(const WriteSpec* spec, const uint8_t* data, uint32_t* written);

/// Writes `length` bytes with one write(2), rewinds where possible, reads the answer.
int file_probe(const char* path, const uint8_t* data, uint32_t length, uint8_t* result,
               size_t* total);

/// Entries as PROTOCOL.md tells; EMSGSIZE when they do not fit.
int dir_list(const char* path, uint8_t* result, size_t* total);
int file_stat(const char* path, int follow, Writer* out);
int system_info(Writer* out);
