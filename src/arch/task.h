/// The machine's part of a task: what is saved when it does not run, and how to switch.
#pragma once

#include <bit>

#include "arch/debug_regs.h"
#include "arch/trap_frame.h"
#include "lib/result.h"
#include "lib/types.h"

namespace arch {

/// What a program has in its data segment registers; 0, mostly.
struct alignas(8) Selectors {
    u16 ds = 0, es = 0, fs = 0, gs = 0;
    u64 word() const { return std::bit_cast<u64>(*this); }  // 0: all four are
};

inline constexpr u32 kTlsSlots = 3;

struct IoBitmap;

/// Registers of a task that is not running. General registers lie on its kernel stack.
struct TaskState {
    u64 rsp = 0;  // kernel stack pointer, as switch_stacks() left it
    Selectors selectors;
    u64 extras = 0;         // what this task has and most have not
    u64 fs_base = 0;        // user TLS
    u64 gs_base = 0;        // user GS base (the kernel's own is swapped in on entry)
    void* fpu = nullptr;    // FPU/SSE/AVX state of a user task; null for kernel threads
    u64 fpu_cpu = ~u64{0};  // this_cpu_offset of the processor that loaded it last
    // The last fault of the program (UserFault), for signal frames.
    u64 trap_number = 0, trap_error = 0, fault_address = 0;
    u64 tls[kTlsSlots] = {};    // descriptors of its own in the GDT (user_segment.h)
    IoBitmap* ports = nullptr;  // I/O ports of its own (io_ports.h)
    u8 io_privilege = 0;        // iopl(2)
    DebugRegisters debug;
};

/// TaskState::extras, bits. A switch between two tasks without any looks no further.
inline constexpr u64 kHasTls = 1 << 0;    // some of `tls` is not 0
inline constexpr u64 kHasPorts = 1 << 1;  // may use I/O ports

/// Lets `to` run on this processor instead of `from`: switches stack, FPU state, data segments,
/// the TSS and the system-call stack. Returns when somebody switches back to `from`. Interrupts
/// are off.
void switch_to(TaskState& from, TaskState& to, void* to_stack_top);

/// Prepares a new stack so that the first switch to it calls upcall::thread_started() and then
/// `entry()`, which does not return unless the stack top holds a TrapFrame for user mode:
/// returning then enters user mode with it.
void prepare_stack(TaskState& state, void* stack_top, void (*entry)());

/// FPU state for a user task: fresh, or a copy of the running task's. ENOMEM.
Result<void> fpu_create(TaskState& state);
Result<void> fpu_copy(TaskState& to, TaskState& from);
void fpu_destroy(TaskState& state);
void fpu_reset(TaskState& state);  // execve

/// The FPU state of the running task, whose state this is, or of one that does not run, as XSAVE
/// (or FXSAVE) writes it: `buffer` has fpu_state_size() bytes.
usize fpu_state_size();
void fpu_copy_out(TaskState& state, void* buffer);

/// The FPU state of the running task, whose state this is, in a signal frame: `frame` is a kernel
/// buffer of fpu_frame_size() bytes.
usize fpu_frame_size();
void fpu_save_to(TaskState& state, void* frame);

/// And back. A frame says in its first 512 bytes how long it is; then so many bytes of it are read,
/// and the rest of the buffer is 0. EINVAL for a state that the processor refuses; `frame` may
/// change. At which addresses the processor would read a frame of that size.
inline constexpr usize kFpuLegacySize = 512;
usize fpu_claimed_size(const void* legacy);
Result<void> fpu_load_from(TaskState& state, void* frame, usize claimed_size);
usize fpu_alignment(usize claimed_size);

/// User FS/GS base of the running task, whose state this is (arch_prctl). A base that is set comes
/// without a selector.
void set_fs_base(TaskState& state, u64 base);
void set_gs_base(TaskState& state, u64 base);
u64 get_fs_base();
u64 get_gs_base();

/// What the running task has in its data segment registers.
Selectors get_selectors();

/// Data segments for a new task: those of the running one, which is `from`.
void segments_copy(TaskState& to, const TaskState& from);
/// Empties those of the running task, whose state this is (execve).
void segments_reset(TaskState& state);

/// No breakpoints are left of the running task, whose state this is (execve).
void debug_reset(TaskState& state);

/// Whether a program may have `selector` in DS, ES, FS or GS. Loading any other faults.
bool is_user_data_selector(u16 selector);

// --- a task that somebody else looks at: it does not run, and will not meanwhile ---------------

/// Replaces its FPU state by that in `buffer` (fpu_state_size() bytes), which the processor has to
/// accept: else EINVAL, and the state is as it was. `own` is the running task's.
Result<void> fpu_set_other(TaskState& state, const void* buffer, TaskState& own);

/// The features of its FPU state, as XCR0 names them; 0: without XSAVE, its first 512 bytes are
/// all.
u64 fpu_features();

}  // namespace arch
