// Register sets: what GETREGSET calls by the names of core-file notes. Linux: kernel/regset.c,
// arch/x86/kernel/fpu/regset.c.

#include <array>

#include "core/user/user_ptr.h"
#include "lib/string.h"
#include "process/ptrace/registers.h"
#include "process/signal/fpu_buffer.h"

namespace process {

namespace {

constexpr usize kXstateHeaderAt = 512;
constexpr u64 kLegacyFeatures = 3;  // x87 and SSE, which the first 512 bytes hold

/// The features that the state has stand where FXSAVE leaves a gap: debuggers look there.
void save_fpu(Task& task, const FpuBuffer& buffer) {
    arch::fpu_copy_out(task.arch, buffer.get());
    u8* const bytes = static_cast<u8*>(buffer.get());
    memset(bytes + abi::kXstateFeaturesAt, 0, abi::kUserFpRegsSize - abi::kXstateFeaturesAt);
    const u64 features = arch::fpu_features();
    memcpy(bytes + abi::kXstateFeaturesAt, &features, sizeof features);
}

/// The first 512 bytes are replaced; the rest, which a state of that size does not have, stays.
Result<void> load_legacy(Task& task, const FpuBuffer& buffer, VirtAddr from) {
    u8* const bytes = static_cast<u8*>(buffer.get());
    arch::fpu_copy_out(task.arch, buffer.get());
    TRY(copy_from_user(bytes, from, abi::kUserFpRegsSize));
    if (arch::fpu_features() != 0) {
        u64 present;
        memcpy(&present, bytes + kXstateHeaderAt, sizeof present);
        present |= kLegacyFeatures;
        memcpy(bytes + kXstateHeaderAt, &present, sizeof present);
    }
    return arch::fpu_set_other(task.arch, buffer.get(), sched::current().arch);
}

usize size_of_set(u64 type) {
    switch (type) {
    case abi::NT_PRSTATUS: return sizeof(abi::UserRegs);
    case abi::NT_PRFPREG: return abi::kUserFpRegsSize;
    default: return arch::fpu_state_size();
    }
}

struct Piece {
    UserPtr<UserIoVec> vector;
    VirtAddr at;
    usize bytes;
};

Result<Piece> piece_for(u64 type, u64 vector) {
    const UserPtr<UserIoVec> at(vector);
    const UserIoVec given = TRY(at.copy_in());
    if (type != abi::NT_PRSTATUS && type != abi::NT_PRFPREG && type != abi::NT_X86_XSTATE) {
        return EINVAL;
    }
    if (type == abi::NT_X86_XSTATE && arch::fpu_features() == 0) return ENODEV;
    if (given.length % sizeof(u64) != 0) return EINVAL;
    return Piece{at, VirtAddr(given.base), std::min<usize>(given.length, size_of_set(type))};
}

Result<void> finish(const Piece& piece) {
    return piece.vector.copy_out({.base = piece.at.raw(), .length = piece.bytes});
}

}  // namespace

Result<void> get_register_set(Task& task, u64 type, u64 vector) {
    const Piece piece = TRY(piece_for(type, vector));
    if (type == abi::NT_PRSTATUS) {
        const abi::UserRegs regs = get_user_regs(task);
        TRY(copy_to_user(piece.at, &regs, piece.bytes));
    } else {
        const FpuBuffer buffer = TRY(FpuBuffer::create());
        save_fpu(task, buffer);
        TRY(copy_to_user(piece.at, buffer.get(), piece.bytes));
    }
    return finish(piece);
}

Result<void> set_register_set(Task& task, u64 type, u64 vector) {
    const Piece piece = TRY(piece_for(type, vector));
    if (type == abi::NT_PRSTATUS) {
        abi::UserRegs regs = get_user_regs(task);
        TRY(copy_from_user(&regs, piece.at, piece.bytes));
        TRY(set_user_regs(task, regs));
        return finish(piece);
    }
    if (piece.bytes != size_of_set(type)) return type == abi::NT_PRFPREG ? EINVAL : EFAULT;
    const FpuBuffer buffer = TRY(FpuBuffer::create());
    if (type == abi::NT_PRFPREG) {
        TRY(load_legacy(task, buffer, piece.at));
    } else {
        TRY(copy_from_user(buffer.get(), piece.at, piece.bytes));
        TRY(arch::fpu_set_other(task.arch, buffer.get(), sched::current().arch));
    }
    return finish(piece);
}

Result<void> get_fp_regs(Task& task, u64 to) {
    const FpuBuffer buffer = TRY(FpuBuffer::create());
    save_fpu(task, buffer);
    return copy_to_user(VirtAddr(to), buffer.get(), abi::kUserFpRegsSize);
}

Result<void> set_fp_regs(Task& task, u64 from) {
    const FpuBuffer buffer = TRY(FpuBuffer::create());
    return load_legacy(task, buffer, VirtAddr(from));
}

}  // namespace process
