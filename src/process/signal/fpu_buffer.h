/// A kernel copy of a task's FPU state: too large for the stack.
#pragma once

#include <utility>

#include "arch/task.h"
#include "mm/slab.h"

namespace process {

class FpuBuffer {
public:
    /// Waits for memory rather than fail: a signal must not become SIGSEGV for want of a buffer.
    static Result<FpuBuffer> create() {
        using enum mm::Gfp;
        return FpuBuffer(TRY(mm::kmalloc(arch::fpu_frame_size(), Kernel | NoFail | Zero)));
    }
    FpuBuffer(FpuBuffer&& from) : memory_(std::exchange(from.memory_, nullptr)) {}
    ~FpuBuffer() { mm::kfree(memory_); }
    void* get() const { return memory_; }

private:
    explicit FpuBuffer(void* memory) : memory_(memory) {}
    void* memory_;
};

}  // namespace process
