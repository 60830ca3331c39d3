#include "arch/x86_64/trap/espfix.h"

#include "arch/boot_info.h"
#include "arch/layout.h"
#include "arch/vectors.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/trap/idt.h"
#include "lib/string.h"

namespace arch {

extern "C" {
PER_CPU u64 espfix_writable = 0;
PER_CPU u64 espfix_address = 0;
extern const u8 trap_stubs[], espfix_iret[];
}

namespace {

/// What the processor takes from the stack, and rax, which is needed until the last moment.
struct EspfixStack {
    u64 rax;
    struct {
        u64 rip, cs, rflags, rsp, ss;
    } iret;
    u64 unused[2];
};

alignas(kPageSize) constinit EspfixStack espfix_stacks[AcpiInfo::kMaxCpus]{};
static_assert(sizeof espfix_stacks == kPageSize);

constexpr unsigned kPagesApart = 65536 / kPageSize;
constexpr unsigned kDirectories = 4;  // of 1 GiB each: all values of 32 bits

}  // namespace

/// One table of each kind is enough, since all entries that lead anywhere lead to the same place.
Result<void> map_espfix(PageTable& root, TableAlloc alloc) {
    PageTable* const upper = TRY(table_below(root.entry[table_index(kEspfix, 3)], alloc));
    PageTable* const directory = TRY(table_below(upper->entry[0], alloc));
    PageTable* const table = TRY(table_below(directory->entry[0], alloc));
    for (unsigned i = 1; i < kDirectories; i++) upper->entry[i] = upper->entry[0];
    for (unsigned i = 1; i < kEntries; i++) directory->entry[i] = directory->entry[0];
    constexpr u64 kReadOnly = Pte::kPresent | Pte::kAccessed | Pte::kNoExecute;
    const Pfn page = pfn_of(virt_to_phys(espfix_stacks));
    for (unsigned i = 0; i < kEntries; i += kPagesApart) {
        table->entry[i] = Pte::to(page, kReadOnly);
    }
    return {};
}

void init_espfix(unsigned cpu) {
    const auto at = reinterpret_cast<u64>(&espfix_stacks[cpu]);
    this_cpu_write(espfix_writable, at);
    this_cpu_write(espfix_address, kEspfix.raw() | (at & (kPageSize - 1)));
}

bool recover_from_espfix(TrapFrame& frame) {
    if (frame.from_user() || frame.rip != reinterpret_cast<u64>(espfix_iret)) return false;
    const auto& stack = *reinterpret_cast<const EspfixStack*>(this_cpu_read(espfix_writable));
    // The task's stack was left for good, so it is empty. There the entry of the exception finds
    // what the processor pushes when a program raises it; the other registers are the program's.
    struct {
        u64 error_code;
        decltype(stack.iret) iret;
    } const raised{0, stack.iret};
    frame.rip = reinterpret_cast<u64>(trap_stubs) + kStubSize * kGeneralProtection;
    frame.rsp = this_cpu_read(kernel_stack_top) - sizeof raised;
    memcpy(reinterpret_cast<void*>(frame.rsp), &raised, sizeof raised);
    return true;
}

}  // namespace arch
