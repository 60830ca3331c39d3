// siginfo_t of i386: the same facts without the gaps that 64-bit words need.

#include "syscall/i386/siginfo.h"

namespace syscall {

namespace {

i32 low(u64 word) { return static_cast<i32>(word); }
i32 high(u64 word) { return static_cast<i32>(word >> 32); }

bool tells_address(const abi::SigInfo& info) {
    switch (info.signo) {
    case abi::SIGSEGV:
    case abi::SIGBUS:
    case abi::SIGILL:
    case abi::SIGFPE:
    case abi::SIGTRAP: return info.code > 0 && info.code != abi::SI_KERNEL;
    default: return false;
    }
}

}  // namespace

SigInfo32 to_siginfo32(const abi::SigInfo& info) {
    SigInfo32 out{info.signo, info.error, info.code};
    const u64 first = info.fields[0], second = info.fields[1];
    if (tells_address(info)) {
        out[3] = low(first);
    } else if (info.signo == abi::SIGIO && info.code > 0 && info.code != abi::SI_KERNEL) {
        out[3] = low(first);   // the events
        out[4] = low(second);  // the file
    } else {
        // Sender and user, or timer and overruns; then a value or a status.
        out[3] = low(first);
        out[4] = high(first);
        out[5] = low(second);
        if (info.signo == abi::SIGCHLD && info.code > 0) {
            out[6] = low(info.fields[2]);
            out[7] = low(info.fields[3]);
        }
    }
    return out;
}

}  // namespace syscall
