#include "syscall/table.h"

#include "syscall/file/calls.h"

namespace syscall {

namespace {

constexpr const std::span<const Entry>* kFamilies[] = {
    &kMmCalls,       &kProcessCalls,    &kSignalCalls,  &kClockCalls, &kSleepCalls,
    &kItimerCalls,   &kPosixTimerCalls, &kTimerfdCalls, &kSchedCalls, &kIdentityCalls,
    &kResourceCalls, &kMiscCalls,       &kSystemCalls,  &kFutexCalls, &kFileCalls,
    &kFdCalls,       &kStatCalls,       &kAttrCalls,    &kDirCalls,   &kPathCalls,
    &kMountCalls,    &kCopyCalls,       &kPipeCalls,    &kPollCalls,  &kSelectCalls,
    &kEpollCalls,    &kLockCalls,
};

}  // namespace

std::span<const std::span<const Entry>* const> all_families() { return kFamilies; }

}  // namespace syscall
