/// Gfp: what an allocation may do to get its memory, where the memory may lie, and what for it is.
///
/// Two kinds of names, as in Linux (include/linux/gfp_types.h): *flags*, one bit each, and below
/// them the *combinations* that callers normally use. The bits have Linux' numbers, so that trace
/// tools decode them. `Gfp::Zero` alone means "may do nothing to get memory": say `Kernel | Zero`.
#pragma once

#include "lib/types.h"

namespace mm {

enum class Gfp : u32 {
    None = 0,

    // Where it may lie; without one of them: anywhere.
    Dma = 1 << 0,      // below 16 MiB
    HighMem = 1 << 1,  // where the kernel has no mapping: here the same as anywhere
    Dma32 = 1 << 2,    // below 4 GiB

    // How long it stays: pages of a kind are kept together (migrate_type.h).
    Movable = 1 << 3,      // found through page tables or the page cache, so it could be moved
    Reclaimable = 1 << 4,  // the kernel's own, but a shrinker can free it

    // What may be done to get it.
    High = 1 << 5,            // urgent: may use part of the reserve
    Io = 1 << 6,              // may start I/O
    Fs = 1 << 7,              // may call into file systems: the caller holds none of their locks
    DirectReclaim = 1 << 10,  // may sleep and reclaim by itself
    KswapdReclaim = 1 << 11,  // wakes kswapd when memory gets short
    NoFail = 1 << 15,         // tries for ever; the caller has no way to fail
    NoRetry = 1 << 16,        // one light attempt to reclaim, no OOM killer
    MemAlloc = 1 << 17,       // may use everything there is: it will soon free more than it takes

    // How it is handed out.
    Zero = 1 << 8,       // cleared
    NoWarn = 1 << 13,    // failure is expected and not logged
    Comp = 1 << 18,      // a compound page: compound_head() of every page of it is the first
    HardWall = 1 << 20,  // on behalf of a process, not of the kernel
    ThisNode = 1 << 21,  // no other node

    // --- combinations
    Reclaim = DirectReclaim | KswapdReclaim,
    Kernel = Reclaim | Io | Fs,     // the normal one: may sleep
    NoFs = Reclaim | Io,            // … inside a file system
    NoIo = Reclaim,                 // … below a file system
    NoWait = KswapdReclaim,         // may not sleep
    Atomic = High | KswapdReclaim,  // may not sleep, and failure hurts
    User = Kernel | HardWall,       // for a process, used by the kernel, too
    HighUser = User | HighMem,
    HighUserMovable = HighUser | Movable,  // what page tables or the page cache will hold
};
constexpr Gfp operator|(Gfp a, Gfp b) {
    return static_cast<Gfp>(static_cast<u32>(a) | static_cast<u32>(b));
}
/// Whether all bits of `flags` are set.
constexpr bool has(Gfp set, Gfp flags) {
    return (static_cast<u32>(set) & static_cast<u32>(flags)) == static_cast<u32>(flags);
}
constexpr Gfp without(Gfp set, Gfp flags) {
    return static_cast<Gfp>(static_cast<u32>(set) & ~static_cast<u32>(flags));
}

}  // namespace mm
