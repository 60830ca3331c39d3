/// Who uses which of the 256 interrupt vectors. See: Intel SDM vol. 3, 6.3.1.
#pragma once

namespace arch {

enum Vector : unsigned {
    kDivideError = 0,
    kDebug = 1,
    kNmi = 2,
    kBreakpoint = 3,
    kOverflow = 4,
    kBoundRange = 5,
    kInvalidOpcode = 6,
    kDeviceNotAvailable = 7,
    kDoubleFault = 8,
    kInvalidTss = 10,
    kSegmentNotPresent = 11,
    kStackFault = 12,
    kGeneralProtection = 13,
    kPageFault = 14,
    kFpuError = 16,
    kAlignmentCheck = 17,
    kMachineCheck = 18,
    kSimdError = 19,

    kFirstDevice = 0x20,        // up to kFirstSystem; core/irq/vector.h gives them out
    kMoveCleanupVector = 0x20,  // lowest priority: after all that is under way
    kSyscall32 = 0x80,
    kFirstSystem = 0xec,  // from here on one meaning on all processors
    kTimerVector = 0xec,
    kIrqWorkVector = 0xf6,
    kNmiReportVector = 0xf8,
    kRescheduleVector = 0xfd,
    kCallVector = 0xfb,
    kStopVector = 0xfc,
    kSpuriousVector = 0xff,
};

}  // namespace arch
