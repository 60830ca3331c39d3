/// What the compiler passes to the handlers: the layout is GCC's and clang's runtime interface.
#pragma once

#include "lib/types.h"

namespace ubsan {

struct Location {
    const char* file;
    u32 line;  // kReported: it has been told
    u32 column;
};

struct TypeDescriptor {
    static constexpr u16 kInteger = 0;
    u16 kind;
    u16 info;  // of an integer: bit 0 signed, the rest log2 of its width
    char name[1];

    bool is_integer() const { return kind == kInteger; }
    bool is_signed() const { return is_integer() && info & 1; }
    u32 bits() const { return 1u << (info >> 1); }
};

struct OverflowData {
    Location location;
    const TypeDescriptor& type;
};
struct ShiftData {
    Location location;
    const TypeDescriptor& left;
    const TypeDescriptor& right;
};
struct OutOfBoundsData {
    Location location;
    const TypeDescriptor& array;
    const TypeDescriptor& index;
};
struct TypeData {  // also of variable-length arrays and invalid values
    Location location;
    const TypeDescriptor& type;
};
struct UnreachableData {
    Location location;
};
struct NonNullData {
    Location location;
    Location attribute;
    int argument;
};
struct BuiltinData {
    Location location;
    u8 kind;
};

/// A number as it is passed: in the word itself, or behind it if it does not fit.
using Handle = u64;

}  // namespace ubsan
