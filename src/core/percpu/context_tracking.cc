#include "core/percpu/context_tracking.h"

namespace context {

PER_CPU u64 dynticks = 1;  // busy: a processor begins in the boot code

}  // namespace context
