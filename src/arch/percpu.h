/// Variables of which every processor has its own copy.
///
/// `PER_CPU` puts a variable into the section .percpu. The section itself is only a template:
/// each processor gets a copy of it (core/percpu/percpu.cc), and its GS base holds the distance
/// from the template to the copy. So `%gs:variable` is this processor's copy, in one
/// instruction. On the boot processor the distance is 0 until the copies are made.
///
/// Why the one-instruction forms matter: between reading the distance and using it a preempted
/// task may wake up on another processor. this_cpu_read() and friends cannot be torn apart;
/// this_cpu() yields a plain reference, so preemption must be off while it is used.
#pragma once

#include <type_traits>

#include "lib/types.h"

#define PER_CPU [[gnu::section(".percpu")]] constinit

namespace arch {

/// The distance from the template to this processor's copy; the copy holds it itself.
extern u64 this_cpu_offset;

template <class T>
concept PerCpuWord = (sizeof(T) == 8 || sizeof(T) == 4) && std::is_trivially_copyable_v<T>;

template <PerCpuWord T>
T this_cpu_read(const T& variable) {
    T value;
    if constexpr (sizeof(T) == 8) {
        asm volatile("movq %%gs:%1, %0" : "=r"(value) : "m"(variable));
    } else {
        asm volatile("movl %%gs:%1, %0" : "=r"(value) : "m"(variable));
    }
    return value;
}
template <PerCpuWord T>
void this_cpu_write(T& variable, T value) {
    if constexpr (sizeof(T) == 8) {
        asm volatile("movq %1, %%gs:%0" : "=m"(variable) : "re"(value));
    } else {
        asm volatile("movl %1, %%gs:%0" : "=m"(variable) : "ri"(value));
    }
}
inline void this_cpu_add(u32& variable, u32 value) {
    asm volatile("addl %1, %%gs:%0" : "+m"(variable) : "ri"(value) : "memory");
}
inline void this_cpu_add(u64& variable, u64 value) {
    asm volatile("addq %1, %%gs:%0" : "+m"(variable) : "re"(value) : "memory");
}
inline void this_cpu_sub(u64& variable, u64 value) {
    asm volatile("subq %1, %%gs:%0" : "+m"(variable) : "re"(value) : "memory");
}

inline void this_cpu_inc(u32& variable) {
    asm volatile("incl %%gs:%0" : "+m"(variable) : : "memory");
}

/// Two words that lie side by side, the first aligned to 16.
struct WordPair {
    u64 first, second;
};

/// Replaces this processor's pair at `first` by `next` if it is `old`, and tells whether it was.
/// One instruction: no interrupt comes in between, and the task cannot be moved. Without a lock
/// prefix, since no other processor changes the pair.
inline bool this_cpu_cmpxchg_double(u64& first, WordPair old, WordPair next) {
    bool same;
    asm volatile("cmpxchg16b %%gs:%1"
                 : "=@ccz"(same), "+m"(*reinterpret_cast<unsigned __int128*>(&first)),
                   "+a"(old.first), "+d"(old.second)
                 : "b"(next.first), "c"(next.second)
                 : "memory");
    return same;
}

/// The same on memory that all processors change.
inline bool cmpxchg_double(u64& first, WordPair old, WordPair next) {
    bool same;
    asm volatile("lock; cmpxchg16b %1"
                 : "=@ccz"(same), "+m"(*reinterpret_cast<unsigned __int128*>(&first)),
                   "+a"(old.first), "+d"(old.second)
                 : "b"(next.first), "c"(next.second)
                 : "memory");
    return same;
}

/// Whether it is 0.
inline bool this_cpu_is_zero(const u32& variable) {
    bool zero;
    asm volatile("cmpl $0, %%gs:%1" : "=@ccz"(zero) : "m"(variable));
    return zero;
}

/// Subtracts 1 and tells whether the result is 0.
inline bool this_cpu_dec_is_zero(u32& variable) {
    bool zero;
    asm volatile("decl %%gs:%0" : "+m"(variable), "=@ccz"(zero) : : "memory");
    return zero;
}

}  // namespace arch
