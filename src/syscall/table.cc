#include "syscall/table.h"

#include "abi/syscall_numbers.h"
#include "lib/string.h"
#include "syscall/dispatch.h"
#include "syscall/file/calls.h"
#include "syscall/i386/i386.h"

namespace syscall {

namespace {

constexpr const std::span<const Entry>* kFamilies[] = {
    &kMmCalls,      &kProcessCalls,    &kSignalCalls,     &kClockCalls, &kSleepCalls,
    &kItimerCalls,  &kPosixTimerCalls, &kTimerfdCalls,    &kSchedCalls, &kSchedPolicyCalls,
    &kPidfdCalls,   &kIdentityCalls,   &kResourceCalls,   &kMiscCalls,  &kSystemCalls,
    &kFutexCalls,   &kFileCalls,       &kFdCalls,         &kStatCalls,  &kAttrCalls,
    &kDirCalls,     &kPathCalls,       &kMountCalls,      &kCopyCalls,  &kSpliceCalls,
    &kPipeCalls,    &kPollCalls,       &kSelectCalls,     &kEpollCalls, &kLockCalls,
    &kMachineCalls, &kSignalfdCalls,   &kCapabilityCalls, &kPrctlCalls, &kPtraceCalls,
    &kSwapCalls,    &kMempolicyCalls,
};

}  // namespace

constinit Table native{};

std::span<const std::span<const Entry>* const> all_families() { return kFamilies; }

const Entry* find(u64 number) { return number < kTableSize ? native.entries[number] : nullptr; }

void init() {
    for (Handler& handler : native.handlers) handler = unimplemented;
    for (const std::span<const Entry>* family : all_families()) {
        for (const Entry& entry : *family) {
            const char* const name = abi::syscall_name(entry.number);
            ASSERT(name && strcmp(name, entry.name) == 0);
            native.add(entry);
        }
    }
    init_i386();
}

}  // namespace syscall
