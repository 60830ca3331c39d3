/// slab_debug= on the command line, as Linux reads it:
///
///     slab_debug                    FZPU for all caches
///     slab_debug=FZ                 these for all caches
///     slab_debug=P,dentry,kmalloc-* these for the caches named; * at the end stands for anything
///     slab_debug=,filp              FZPU for these
///     slab_debug=FZ;P,dentry        blocks, the last that names a cache counts; one without names
///                                   is for all others
///     slab_debug=-                  nothing
/// Letters: F Z P U as on Linux, H for encoded and R for shuffled free lists (mm/slab.h).
#pragma once

#include <string_view>

#include "mm/slab.h"

namespace mm {

/// What `option` (the text behind the equals sign) asks for a cache of this name. Pure.
SlabFlags parse_slab_debug(std::string_view option, std::string_view name);

/// For this boot; what `option` points to stays. Before the first cache is laid out.
void set_slab_debug(std::string_view option);
SlabFlags debug_flags_for(std::string_view name);

}  // namespace mm
