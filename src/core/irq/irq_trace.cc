#include "core/irq/irq_trace.h"

namespace irq {

constexpr trace::Field IrqHandlerEntry::kFields[] = {
    TRACE_FIELD(IrqHandlerEntry, irq),
    {"name", offsetof(IrqHandlerEntry, name), sizeof(TraceName), trace::FieldKind::Text},
};
TRACE_POINT(IrqHandlerEntry);

constexpr trace::Field IrqHandlerExit::kFields[] = {
    TRACE_FIELD(IrqHandlerExit, irq),
    TRACE_FIELD(IrqHandlerExit, ret),
};
TRACE_POINT(IrqHandlerExit);

constexpr trace::Field VectorUpdate::kFields[] = {
    TRACE_FIELD(VectorUpdate, irq),      TRACE_FIELD(VectorUpdate, vector),
    TRACE_FIELD(VectorUpdate, cpu),      TRACE_FIELD(VectorUpdate, prev_vector),
    TRACE_FIELD(VectorUpdate, prev_cpu),
};
TRACE_POINT(VectorUpdate);

}  // namespace irq
