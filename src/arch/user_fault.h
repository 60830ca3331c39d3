/// What an exception of a user program means to it: a signal, and the state that its handler finds.
#pragma once

#include "lib/strong.h"

namespace arch {

struct UserFault {
    int signal;
    int code;          // si_code
    VirtAddr address;  // si_addr
    u64 vector;        // sigcontext's trapno
    u64 error;         // the processor's error code, 0 if the exception has none
};

}  // namespace arch
