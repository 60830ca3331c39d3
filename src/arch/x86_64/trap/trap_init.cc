// The kernel's own interrupt descriptor table, one for all processors, and who loads it.

#include "arch/cpu.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/extable.h"
#include "arch/x86_64/trap/idt.h"

namespace arch {

namespace {

/// On a page that only the boot can write.
[[gnu::section(".ro_after_boot")]] constinit Gate idt[kVectors]{};

extern "C" const u8 trap_stubs[];

}  // namespace

void prepare_traps() {
    build_idt(idt, reinterpret_cast<u64>(trap_stubs));
    // A watched word in "mov (word), %ss; syscall" strikes at the kernel's first instruction, on
    // the program's stack.
    idt[kDebug].ist = static_cast<u8>(Ist::Debug);
    init_extable();
}

void load_idt() { lidt({sizeof idt - 1, reinterpret_cast<u64>(idt)}); }

}  // namespace arch
