// FPU, SSE and AVX registers of user tasks. The kernel itself never touches them.
//
// Why not lazily by a trap: user programs use SSE in every memcpy, so nearly every switch would
// take the trap. But a kernel thread between two slices of the same task costs nothing here: the
// registers stay, and `owner` tells whose they are.
// See: Intel SDM vol. 1, chapter 13 (XSAVE).

#include "arch/x86_64/cpu/fpu.h"

#include "abi/errno.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/percpu.h"
#include "arch/upcalls.h"
#include "lib/string.h"

namespace arch {

namespace {

PER_CPU void* owner = nullptr;  // whose state the registers hold

constexpr u32 kMxcsrDefault = 0x1f80;
constexpr u16 kControlDefault = 0x37f;
constexpr usize kMxcsrOffset = 24, kHeaderOffset = 512;

void save(void* area) {
    if (cpu_features.xsave) {
        xsave(area);
    } else {
        fxsave(area);
    }
}
void load(const void* area) {
    if (cpu_features.xsave) {
        xrstor(area);
    } else {
        fxrstor(area);
    }
}

/// The state that every program begins with, for XRSTOR and FXRSTOR alike.
struct alignas(64) InitialState {
    u8 bytes[832] = {};
    constexpr InitialState() {
        bytes[0] = kControlDefault & 0xff;
        bytes[1] = kControlDefault >> 8;
        bytes[kMxcsrOffset] = kMxcsrDefault & 0xff;
        bytes[kMxcsrOffset + 1] = kMxcsrDefault >> 8;
        bytes[kHeaderOffset] = 3;  // x87 and SSE as above, the rest in its initial state
    }
};
constexpr InitialState kInitialState;

void make_initial(void* area) { memcpy(area, kInitialState.bytes, cpu_features.xsave_size); }

/// True if this processor's registers are those of `state`, which has not run elsewhere since.
bool is_loaded(const TaskState& state) {
    return this_cpu_read(owner) == state.fpu && state.fpu_cpu == this_cpu_read(this_cpu_offset);
}

/// The registers have been loaded for `state`; its memory is brought up to date by sync().
void note_loaded(TaskState& state) {
    this_cpu_write(owner, state.fpu);
    state.fpu_cpu = this_cpu_read(this_cpu_offset);
}

void load_here(TaskState& state) {
    load(state.fpu);
    note_loaded(state);
}

/// Brings the memory copy of the running task up to date.
void sync(TaskState& state) {
    if (state.fpu != nullptr && is_loaded(state)) save(state.fpu);
}

Result<void> alloc_area(TaskState& state) {
    state.fpu = upcall::alloc_fpu_area(cpu_features.xsave_size);
    state.fpu_cpu = ~u64{0};
    if (state.fpu == nullptr) return ENOMEM;
    return {};
}

}  // namespace

void fpu_switch(TaskState& from, TaskState& to) {
    if (to.fpu == nullptr) {
        // A kernel thread: the registers stay as they are, but `from` may resume elsewhere.
        sync(from);
        return;
    }
    if (is_loaded(to)) return;
    sync(from);
    load_here(to);
}

Result<void> fpu_create(TaskState& state) {
    TRY(alloc_area(state));
    make_initial(state.fpu);
    return {};
}

Result<void> fpu_copy(TaskState& to, TaskState& from) {
    TRY(alloc_area(to));
    const bool irqs = irq_save();
    sync(from);
    irq_restore(irqs);
    memcpy(to.fpu, from.fpu, cpu_features.xsave_size);
    return {};
}

void fpu_destroy(TaskState& state) {
    if (state.fpu != nullptr) upcall::free_fpu_area(state.fpu);
    state.fpu = nullptr;
}

void fpu_reset(TaskState& state) {
    const bool irqs = irq_save();
    load(kInitialState.bytes);
    note_loaded(state);
    irq_restore(irqs);
}

usize fpu_state_size() { return cpu_features.xsave_size; }

void fpu_copy_out(TaskState& state, void* buffer) {
    const bool irqs = irq_save();
    sync(state);
    irq_restore(irqs);
    memcpy(buffer, state.fpu, cpu_features.xsave_size);
}

/// Bits that no processor has; emulators do not mind them, and would show them to the program.
bool fpu_is_plausible(const void* buffer) {
    constexpr u32 kMxcsrMask = 0xffff;
    u32 mxcsr;
    memcpy(&mxcsr, static_cast<const u8*>(buffer) + kMxcsrOffset, sizeof mxcsr);
    if (mxcsr & ~kMxcsrMask) return false;
    if (!cpu_features.xsave) return true;
    u64 header[3];  // which components; the compact form, which we do not use; reserved
    memcpy(header, static_cast<const u8*>(buffer) + kHeaderOffset, sizeof header);
    return (header[0] & ~cpu_features.xcr0) == 0 && header[1] == 0 && header[2] == 0;
}

/// Other reserved bits make XRSTOR fault, and only the processor knows which. The state is loaded
/// from where it stays, so that what was refused is never loaded again.
Result<void> fpu_load(TaskState& state, const void* buffer) {
    if (!fpu_is_plausible(buffer)) return EINVAL;
    const bool irqs = irq_save();
    memcpy(state.fpu, buffer, cpu_features.xsave_size);
    const bool loaded = cpu_features.xsave ? try_xrstor(state.fpu) : try_fxrstor(state.fpu);
    if (!loaded) make_initial(state.fpu);
    load_here(state);
    irq_restore(irqs);
    if (!loaded) return EINVAL;
    return {};
}

u64 fpu_features() { return cpu_features.xsave ? cpu_features.xcr0 : 0; }

/// XRSTOR does not look at the last 40 bytes of the header, but what a tracer writes there is an
/// error.
static bool has_clean_header(const void* buffer) {
    if (!cpu_features.xsave) return true;
    u64 header[8], set = 0;
    memcpy(header, static_cast<const u8*>(buffer) + kHeaderOffset, sizeof header);
    for (unsigned i = 3; i < 8; i++) set |= header[i];
    return set == 0;
}

/// The only way to learn whether the processor accepts a state is to load it, so the running
/// task's registers make room for a moment.
Result<void> fpu_set_other(TaskState& state, const void* buffer, TaskState& own) {
    if (!fpu_is_plausible(buffer) || !has_clean_header(buffer)) return EINVAL;
    TaskState trial;
    TRY(alloc_area(trial));
    memcpy(trial.fpu, buffer, cpu_features.xsave_size);
    const bool irqs = irq_save();
    sync(own);
    const bool loaded = cpu_features.xsave ? try_xrstor(trial.fpu) : try_fxrstor(trial.fpu);
    if (own.fpu != nullptr) load_here(own);
    if (loaded) {
        memcpy(state.fpu, trial.fpu, cpu_features.xsave_size);
        state.fpu_cpu = ~u64{0};  // whatever registers hold of it is out of date
    }
    irq_restore(irqs);
    fpu_destroy(trial);
    if (!loaded) return EINVAL;
    return {};
}

}  // namespace arch
