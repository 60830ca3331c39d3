/// Shared anonymous memory: a file without a name whose pages live in its page cache only, so
/// that all who inherit a mapping see the same pages. Linux: mm/shmem.c, shmem_zero_setup().
#pragma once

#include "vm/vm_area.h"

namespace vm {

/// A file of `bytes` zero bytes with one reference. ENOMEM.
Result<MappedFile*> make_shmem_file(u64 bytes);

}  // namespace vm
