/// tracefs: the switches and the output of the trace points, /sys/kernel/tracing.
#pragma once

#include "fs/libfs/tree.h"

namespace tracefs {

// trace_text.cc: the records as text, as Linux' trace and trace_pipe files show them.
const fs::FileOperations& trace_ops();
const fs::FileOperations& trace_pipe_ops();
// trace_raw.cc: the records as they lie in the ring; data of the node: the number of the processor.
const fs::FileOperations& trace_pipe_raw_ops();

/// Tracing is off: an empty ring stays empty, and its readers see the end of the file.
bool is_over();

/// Waits a moment for news in the rings. ERESTARTSYS for a signal.
Result<void> pause_for_records();

}  // namespace tracefs
