#include "core/irq/irq_trace.h"

namespace irq {

constexpr trace::Field IrqHandlerEntry::kFields[] = {
    TRACE_FIELD(IrqHandlerEntry, irq),
    {"name", offsetof(IrqHandlerEntry, name), sizeof(TraceName), trace::FieldKind::Text},
};
TRACE_POINT(IrqHandlerEntry);

}  // namespace irq
