/// Bio: one request to a block device. Linux' struct bio.
///
/// It names pages and where in them the bytes are; all of them are on consecutive sectors. Whoever
/// submits it keeps it, and the pages, until end() is called, which may be at once, and in any
/// context.
#pragma once

#include <span>

#include "lib/result.h"
#include "lib/strong.h"
#include "mm/page.h"

namespace block {

using Sector = Strong<struct SectorKind>;  // 512 bytes on a block device

inline constexpr u64 kSectorShift = 9;
inline constexpr u64 kSectorSize = u64{1} << kSectorShift;

enum class BioOp : u8 { Read, Write, Flush };

/// Whole sectors of one page.
struct BioVec {
    mm::Page* page;
    u32 offset, bytes;
};

struct Bio {
    BioOp op;
    Sector sector;
    std::span<const BioVec> parts;
    void (*end)(Bio& bio);     // called once; the bio is the submitter's again
    void* context = nullptr;   // the submitter's own
    Result<void> status = {};  // when end() is called: EIO, ENOSPC (no memory for it)

    u64 bytes() const {
        u64 sum = 0;
        for (const BioVec& part : parts) sum += part.bytes;
        return sum;
    }
};

}  // namespace block
