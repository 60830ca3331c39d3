// The rarer half of data segments: arch_prctl, fork, execve, and tasks that use selectors.

#include "arch/x86_64/cpu/segments.h"

#include "arch/user_segment.h"
#include "arch/x86_64/cpu/cpu_setup.h"

namespace arch {

/// `selector`, or 0 if loading it would fault: it must name data or readable code, present, of a
/// ring that its privilege level may use.
static u16 loadable(u16 selector) {
    constexpr u32 kReadable = 1 << 9, kCode = 1 << 11, kNoSystem = 1 << 12, kPresent = 1 << 15;
    constexpr u32 kNeeded = kNoSystem | kPresent;
    u32 rights;
    if (selector <= 3 || !load_access_rights(selector, rights)) return 0;
    const bool can_be_read = !(rights & kCode) || (rights & kReadable);
    return (rights & kNeeded) == kNeeded && can_be_read ? selector : 0;
}

void load_selectors(Selectors to) {
    load_ds(loadable(to.ds));
    load_es(loadable(to.es));
    load_fs(loadable(to.fs));
    load_user_gs(loadable(to.gs));
}

/// What is in the GDT of this processor for the task that runs here.
static void load_tls(const TaskState& state) {
    u64* const slots = this_cpu_tables().gdt + kFirstTlsSlot;
    for (u32 i = 0; i < kTlsSlots; i++) slots[i] = state.tls[i];
}

void switch_rare(TaskState& from, const TaskState& to) {
    const u64 extras = from.extras | to.extras;
    if (extras & kHasTls) load_tls(to);
    if (extras & kHasPorts) load_ports(to);
    load_selectors(to.selectors);
    wrmsr(Msr::FsBase, to.fs_base);
    wrmsr(Msr::KernelGsBase, to.gs_base);
}

void switch_segments(TaskState& from, const TaskState& to) {
    Selectors& now = from.selectors;
    store_data_segments(now.ds, now.es, now.fs, now.gs);
    from.fs_base = rdmsr(Msr::FsBase);
    // While the kernel runs, the user's GS base waits in KernelGsBase. Only a selector can change
    // it behind our back.
    if (from.gs_base != 0 || now.gs != 0) from.gs_base = rdmsr(Msr::KernelGsBase);
    const u64 rare = now.word() | to.selectors.word() | from.extras | to.extras;
    if (rare != 0) [[unlikely]] {
        switch_rare(from, to);
        return;
    }
    if (from.fs_base != to.fs_base) wrmsr(Msr::FsBase, to.fs_base);
    if (from.gs_base != to.gs_base) wrmsr(Msr::KernelGsBase, to.gs_base);
}

void set_fs_base(TaskState& state, u64 base) {
    IrqsOff off;
    if (read_selectors().fs != 0) load_fs(0);
    state.fs_base = base;
    wrmsr(Msr::FsBase, base);
}
void set_gs_base(TaskState& state, u64 base) {
    IrqsOff off;
    if (read_selectors().gs != 0) load_user_gs(0);
    state.gs_base = base;
    wrmsr(Msr::KernelGsBase, base);
}
u64 get_fs_base() { return rdmsr(Msr::FsBase); }
u64 get_gs_base() { return rdmsr(Msr::KernelGsBase); }

Selectors get_selectors() { return read_selectors(); }

void segments_copy(TaskState& to, const TaskState& from) {
    to.selectors = read_selectors();
    to.fs_base = get_fs_base();
    to.gs_base = get_gs_base();
    to.extras = from.extras & kHasTls;
    for (u32 i = 0; i < kTlsSlots; i++) to.tls[i] = from.tls[i];
}

void segments_reset(TaskState& state) {
    set_fs_base(state, 0);
    set_gs_base(state, 0);
    IrqsOff off;
    load_ds(0);
    load_es(0);
    if (state.extras & kHasTls) {
        for (u64& slot : state.tls) slot = 0;
        load_tls(state);
        state.extras &= ~kHasTls;
    }
}

namespace {

constexpr u16 tls_selector(u32 index) { return u16((kFirstTlsSlot + index) * 8 | 3); }

/// The running task's slot has changed: what comes from it is loaded again.
void refresh_selector(u16 changed) {
    const Selectors now = read_selectors();
    if (now.ds == changed) load_ds(loadable(changed));
    if (now.es == changed) load_es(loadable(changed));
    if (now.fs == changed) load_fs(loadable(changed));
    if (now.gs == changed) load_user_gs(loadable(changed));
}

}  // namespace

void set_tls(TaskState& state, bool is_running, u32 index, u64 descriptor, u32 base) {
    IrqsOff off;
    state.tls[index] = descriptor;
    u64 any = 0;
    for (const u64 slot : state.tls) any |= slot;
    state.extras = (state.extras & ~kHasTls) | (any != 0 ? kHasTls : 0);
    if (is_running) {
        load_tls(state);
        refresh_selector(tls_selector(index));
        return;
    }
    if (state.selectors.fs == tls_selector(index)) state.fs_base = base;
    if (state.selectors.gs == tls_selector(index)) state.gs_base = base;
}

void refresh_ldt_segments() {
    constexpr u16 kInLdt = 1 << 2;
    const Selectors now = read_selectors();
    if (now.ds & kInLdt) load_ds(loadable(now.ds));
    if (now.es & kInLdt) load_es(loadable(now.es));
}

u16 valid_stack_segment(u16 wanted) {
    // Present, ring 3, no system, no code, writable; whether it expands down is of no interest.
    constexpr u32 kMask = 0xfa00, kWritableData = 0xf200;
    u32 rights;
    const bool ok = load_access_rights(wanted, rights) && (rights & kMask) == kWritableData;
    return ok ? wanted : kUserDs;
}

bool is_user_data_selector(u16 selector) {
    return selector <= 3 || selector == kUserDs || selector == kUserCs || selector == kUserCs32;
}

}  // namespace arch
