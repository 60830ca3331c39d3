/// What is said when the slab allocator finds a bug, in Linux' form: what, in which cache, the
/// object and the bytes around it, who allocated and freed it. Nothing ends: the kernel is tainted,
/// the damage mended, and it goes on.
#pragma once

#include <span>

#include "lib/format.h"
#include "mm/slab.h"

namespace mm {

/// Something about an object.
void report_object(KmemCache& cache, Page& slab, std::byte* object, const char* what);

/// Bytes from `first` to `last` are not `value`. `object` is null for the padding of a slab.
struct Overwritten {
    const char* what;
    std::byte *first, *last;
    u8 value;
};
void report_overwritten(KmemCache& cache, Page& slab, std::byte* object, const Overwritten& range);

/// Something about a slab as a whole.
void vreport_slab(KmemCache& cache, Page& slab, const char* format,
                  std::span<const FormatArg> args);
template <class... Args>
void report_slab(KmemCache& cache, Page& slab, const char* format, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
    vreport_slab(cache, slab, format, std::span(list, sizeof...(Args)));
}

/// What is done about it.
void vreport_fix(KmemCache& cache, const char* format, std::span<const FormatArg> args);
template <class... Args>
void report_fix(KmemCache& cache, const char* format, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
    vreport_fix(cache, format, std::span(list, sizeof...(Args)));
}

/// An object is given to a cache whose it is not; it is not freed.
void report_wrong_cache(KmemCache& cache, Page& page, const void* object);

/// A cache is to be destroyed and objects of it are in use.
void report_objects_remain(KmemCache& cache);

}  // namespace mm
