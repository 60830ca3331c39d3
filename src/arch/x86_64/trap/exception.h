/// Exceptions: which there are and who has to hear of them. Private to arch/x86_64.
#pragma once

#include "arch/trap_frame.h"
#include "arch/user_fault.h"

namespace arch {

/// The processor's name for it. "unexpected exception" for vectors that have none.
const char* exception_name(unsigned vector);

/// What an exception means to a program, as far as the vector alone says it.
struct Meaning {
    int signal;
    int code;          // si_code
    bool has_address;  // si_addr is the address of the instruction; else it is 0
};
Meaning meaning_of(unsigned vector);

/// The signal that the exception `vector` (not a page fault) in user mode becomes, with everything
/// a handler may ask for. signal is 0 if there is nothing to report (a floating-point exception
/// that is over). Reads and clears the debug status for kDebug. Interrupts are off.
UserFault describe_exception(const TrapFrame& frame, unsigned vector);

/// Every exception but NMI, double fault and machine check, with interrupts off: a user program
/// gets a signal, the kernel goes on at a fixup, or there is an oops.
void handle_exception(TrapFrame& frame, unsigned vector);

/// The page fault's part of it (page_fault.cc).
void handle_page_fault(TrapFrame& frame);

}  // namespace arch
