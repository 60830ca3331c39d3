/// The work queues as a text file of debugfs.
#pragma once

#include "fs/libfs/tree.h"

namespace debugfs {

Result<void> show_workqueues(libfs::SeqFile& out, void*);

}  // namespace debugfs
