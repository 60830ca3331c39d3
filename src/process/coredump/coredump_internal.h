/// The inside of core dumps: what is collected before the file is written.
#pragma once

#include "abi/elfcore.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/vmalloc.h"
#include "process/coredump/coredump.h"
#include "process/signal_internal.h"
#include "vm/mm_struct.h"

namespace process {

/// Memory that grows at its end.
class GrowingBytes {
public:
    GrowingBytes() = default;
    GrowingBytes(const GrowingBytes&) = delete;
    ~GrowingBytes() { mm::vfree(data_); }

    /// ENOMEM.
    Result<void> append(const void* bytes, usize count);
    template <class T>
    Result<void> add(const T& value) {
        return append(&value, sizeof value);
    }
    /// Zeros up to a multiple of `alignment`. ENOMEM.
    Result<void> align(usize alignment);

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    std::span<std::byte> bytes() { return {data_, size_}; }
    usize size() const { return size_; }

private:
    std::byte* data_ = nullptr;
    usize size_ = 0, capacity_ = 0;
};

/// A PT_LOAD to be.
struct CoreSegment {
    VirtAddr start, end;
    u32 flags;          // PF_*
    bool is_anonymous;  // pages that are not there read as zeros, and stay holes in the file
    bool may_be_elf;    // what is dumped is a file's first page, if that is an ELF header
    u64 dumped;         // so many bytes from the start on are written
};

/// The areas of the program and the files in them, as they were when it was stopped.
struct CoreAreas {
    GrowingBytes segments;    // of CoreSegment
    GrowingBytes files;       // of CoreFileRange
    GrowingBytes file_names;  // each with its NUL
    u64 file_count = 0;

    std::span<CoreSegment> all() {
        const std::span<std::byte> bytes = segments.bytes();
        return {reinterpret_cast<CoreSegment*>(bytes.data()), bytes.size() / sizeof(CoreSegment)};
    }
};
/// `filter`: kDump* of abi/elfcore.h. ENOMEM. Takes mmap_lock.
Result<void> collect_areas(vm::MmStruct& mm, u32 filter, CoreAreas& areas);

/// A thread that has stopped for the dump; on its kernel stack. Linked in CoreState.
struct CoreThread {
    ListLink link;
    Task* task;
    bool released = false;
    sched::WaitQueue queue;  // lock: tasks_lock
};

/// A dump that is being written; on the kernel stack of the thread that does it.
struct DumpedProcess {
    Task& dumper;
    List<CoreThread, &CoreThread::link>& others;  // nobody joins or leaves any more
    const abi::SigInfo& info;
};

/// All notes of the process. ENOMEM.
Result<void> write_notes(const DumpedProcess& process, const CoreAreas& areas, GrowingBytes& notes);

/// The name that the pattern gives the core of the running task. ENAMETOOLONG, EINVAL if it is
/// empty.
Result<std::string_view> core_name(std::span<char> room, int signal);

/// Writes the ELF file, at most `limit` bytes. False if nothing could be written.
bool write_core(fs::File& file, const DumpedProcess& process, u64 limit);

}  // namespace process

namespace sched {

/// SignalStruct::core. Guarded by tasks_lock; set and cleared with the sighand lock as well.
struct CoreState {
    u32 missing = 0;    // threads that have yet to stop
    WaitQueue arrival;  // the dumper, until there is none missing
    List<process::CoreThread, &process::CoreThread::link> threads;
};

}  // namespace sched
