/// /sys/kernel/slab: a directory for each slab cache, while there is one. Private to fs/sysfs.
#pragma once

#include <span>

#include "fs/libfs/tree.h"
#include "mm/slab.h"

namespace sysfs {

/// Adds the directory to `kernel`. ENOMEM.
Result<void> add_slab(libfs::Tree& tree, libfs::Node& kernel);

/// A file of a cache's directory; Linux' slab_attribute.
struct SlabAttribute {
    const char* name;
    u32 mode;
    void (*show)(libfs::SeqFile& out, mm::KmemCache& cache);
    Result<void> (*store)(mm::KmemCache& cache, std::string_view text) = nullptr;
};

/// slab_attributes.cc; the statistics follow, which are not in the table.
std::span<const SlabAttribute> slab_attributes();

/// The name of a count of mm::SlabStat, which is also that of its file.
const char* slab_stat_name(usize which);
void show_slab_stat(libfs::SeqFile& out, mm::KmemCache& cache, usize which);

}  // namespace sysfs
