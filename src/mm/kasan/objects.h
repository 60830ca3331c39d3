/// An object of a slab cache as KASAN sees it.
#pragma once

#include "core/kasan/report.h"
#include "mm/slab/internal.h"

namespace mm {

/// Who did it.
struct ObjectTrack {
    u32 pid;
    kasan::Trace trace;
};

/// What KASAN knows of an object; the end of its slot.
struct ObjectMeta {
    ObjectTrack allocated, freed;
    void* next;     // in the quarantine
    void* gray;     // leaks.cc: the next one to be looked into
    u64 leak_mark;  // leaks.cc: the last pass that found a pointer to it
};

/// The slot that an address lies in.
struct Slot {
    KmemCache* cache;
    u8* object;
    usize bytes;

    ObjectMeta& meta() const {
        return *reinterpret_cast<ObjectMeta*>(object + bytes - sizeof(ObjectMeta));
    }
    bool is_live() const {
        const u8 shadow = *kasan::shadow_of(object);
        return shadow < kasan::kGranule;
    }
};

/// The slot of a slab around `at`; false: it lies in none.
bool find_slot(const void* at, Slot& slot);
Slot slot_of(KmemCache& cache, void* object);

/// Counts the passes of mm/kasan/leaks.cc.
extern std::atomic<u64> leak_pass;

}  // namespace mm
