/// execve(2): another program in the same process. Linux: fs/exec.c, fs/binfmt_elf.c.
///
/// The new address space is built completely beside the old one: arguments copied, segments
/// mapped, stack laid out. Until then every failure is an errno and the caller goes on as if
/// nothing had happened. Only then come the steps that cannot be undone: the other threads die,
/// the address spaces are exchanged, handlers and descriptors are reset.
///
///     exec.cc       the order of all that; permissions, set-user-id
///     script.cc     #! lines
///     arguments.cc  argv and envp, copied in once
///     elf.cc        segments and interpreter
///     stack.cc      what a program finds on its stack
///     vdso.cc       code and data of the kernel in its address space
#pragma once

#include "abi/elf.h"
#include "fs/fd_table.h"
#include "process/process.h"
#include "vm/mm_struct.h"

namespace process {

/// A list of strings given by a program or by the kernel; a null user array is an empty list.
struct StringList {
    VirtAddr user = {};     // an array of pointers
    bool words_32 = false;  // … of 32 bits each
    std::span<const char* const> kernel = {};
    bool from_kernel = false;
};

/// The strings of the new program one behind the other, each with its NUL: first all arguments,
/// then the environment, then the file name.
class Arguments {
public:
    explicit Arguments(u64 limit) : limit_(limit) {}
    Arguments(const Arguments&) = delete;
    ~Arguments();

    /// E2BIG beyond the limit (a quarter of the stack) or 128 KiB in one string; EFAULT, ENOMEM.
    Result<void> add(std::string_view text);
    Result<void> add_user(VirtAddr at);
    /// All strings of a list but the first `skip`; returns how many were added.
    Result<u32> add_list(const StringList& list, u32 skip);

    std::span<const std::byte> bytes() const { return {bytes_, size_}; }

    u32 argc = 0, envc = 0;
    usize env_start = 0, name_start = 0;  // offsets where environment and file name begin

private:
    Result<void> reserve(usize more);

    const u64 limit_;
    std::byte* bytes_ = nullptr;
    usize size_ = 0, capacity_ = 0;
};

/// A program about to be executed. Linux' struct linux_binprm.
struct BinPrm {
    explicit BinPrm(u64 argument_limit) : arguments(argument_limit) {}
    ~BinPrm();

    Ref<fs::File> file;
    Arguments arguments;
    vm::MmStruct* mm = nullptr;  // ours until it becomes the task's
    sched::Cred cred;
    bool secure = false;  // AT_SECURE: it runs with rights that its user does not have
    bool gains = false;   // rights that the caller did not have
    bool executable_stack = false;
    bool randomize = true;
    bool name_goes = false;  // begins at a descriptor that is closed by execve()
    char comm[16] = {};

    // From elf.cc, for stack.cc and the start.
    VirtAddr entry;  // where to begin: the interpreter's entry, if there is one
    VirtAddr program_entry;
    VirtAddr headers;  // where the program headers are in memory
    u16 header_count = 0;
    VirtAddr interpreter_base;
    VirtAddr stack_top, stack_pointer;
    VirtAddr vdso;  // where its ELF header is; null: the program gets none
};

/// Opens a program, which nobody can write to as long as the file is open: ENOENT, EACCES (not a
/// regular file, no x bit, MNT_NOEXEC), ELOOP, ETXTBSY (somebody has it open for writing), …
Result<Ref<fs::File>> open_exec(int dirfd, std::string_view name, u32 at_flags);

/// Follows #! lines: replaces `bprm.file` by the interpreter, at most 5 times (ELOOP), and adds
/// the arguments that come before the caller's. ENOEXEC for a damaged line; ENOENT: the interpreter
/// would not find the script any more. Returns how many of the caller's own arguments are replaced
/// (0 or 1).
Result<u32> load_script(BinPrm& bprm, std::string_view name);

/// Maps the program (and its interpreter) into `bprm.mm`. ENOEXEC: not an ELF file for this
/// machine, or a damaged one; EINVAL, ENOMEM, EACCES, ELIBBAD (bad interpreter), EIO.
Result<void> load_elf_binary(BinPrm& bprm);

/// Chooses where the stack and mmap areas are, and makes the stack area. ENOMEM.
Result<void> setup_arg_pages(BinPrm& bprm);
/// Writes strings, auxiliary vector, and pointers. ENOMEM.
Result<void> create_elf_tables(BinPrm& bprm);

/// execveat(2) for the running task; on success `frame` starts the new program.
struct ExecRequest {
    int dirfd;
    std::string_view name;
    u32 at_flags;
    StringList argv, envp;
};
Result<void> do_execveat(const ExecRequest& request, arch::TrapFrame& frame);

/// /proc/sys/kernel/randomize_va_space: 0, each program lies where it did before; 1, only the heap
/// lies right behind it; 2, everything lies anywhere.
extern constinit std::atomic<u32> randomize_va_space;

/// A random number of pages below 2^bits, as a byte count; 0 if the program is not to be
/// randomised.
u64 random_pages(const BinPrm& bprm, unsigned bits);

/// Writes into the address space that is being built. ENOMEM.
Result<void> write_new_mm(BinPrm& bprm, VirtAddr at, std::span<const std::byte> bytes);

}  // namespace process
