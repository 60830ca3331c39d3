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

    kFirstDevice = 32,  // device interrupts: kFirstDevice + line
    kSyscall32 = 0x80,
    kTimerVector = 0xec,
    kRescheduleVector = 0xfd,
    kCallVector = 0xfb,
    kStopVector = 0xfc,
    kSpuriousVector = 0xff,
};

}  // namespace arch
