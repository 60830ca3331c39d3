/// Sets of processors as text: hexadecimal in groups of 32 bits ("ff,ffffffff"), or a list of
/// ranges ("0-3,8"). Linux: lib/bitmap.c, lib/bitmap-str.c.
#pragma once

#include "fs/libfs/seq_file.h"

namespace procfs {

/// Both end with a newline. The mask is as wide as there are possible processors.
void print_cpu_mask(libfs::SeqFile& out, u64 cpus);
void print_cpu_list(libfs::SeqFile& out, u64 cpus);

/// White space around the text is ignored. EINVAL: not a mask; EOVERFLOW: a processor that cannot
/// be.
Result<u64> parse_cpu_mask(std::string_view text);
/// EINVAL: not a list, or a range that runs backwards; ERANGE: a processor that cannot be.
Result<u64> parse_cpu_list(std::string_view text);

}  // namespace procfs
