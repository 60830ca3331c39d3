/// MmStruct: the address space of a process: its areas, its page tables, where its parts lie.
/// Linux' struct mm_struct.
///
/// Locks: `mmap_lock` (read: look at areas, handle faults; write: change areas), then the spin
/// lock `page_table_lock` for the entries.
#pragma once

#include <atomic>

#include "core/percpu/percpu.h"
#include "lib/ref.h"
#include "mm/page_table.h"
#include "sched/mutex.h"
#include "vm/vm_area.h"

namespace vm {

/// MAP_* and PROT_* come from abi/mman.h.
struct MapRequest {
    VirtAddr at;  // hint, or the place with MAP_FIXED
    u64 bytes;
    u32 prot;       // PROT_*
    u32 map_flags;  // MAP_*
    MappedFile* file = nullptr;
    u64 page_offset = 0;
    u32 extra_flags = 0;        // VmFlags to add (kVmStack, kVmHeap, kVmGrowsDown)
    bool file_writable = true;  // a shared mapping of a file opened for reading cannot become so
};

class MmStruct {
public:
    /// An empty address space with one user. ENOMEM.
    static Result<MmStruct*> create();

    /// A copy for fork: private pages become shared copy-on-write. The source is the running
    /// task's. ENOMEM.
    static Result<MmStruct*> duplicate(MmStruct& source);

    void get() { users_.fetch_add(1, std::memory_order_relaxed); }
    /// Drops a user; the last one unmaps everything. May sleep.
    void put();
    /// Keeps the page tables (not the contents) alive: kernel threads that borrow them.
    void grab() { pins_.fetch_add(1, std::memory_order_relaxed); }
    void drop();

    // --- the calls; each takes mmap_lock itself --------------------------------------------
    /// mmap: EINVAL, ENOMEM, EEXIST (MAP_FIXED_NOREPLACE), EPERM, EACCES.
    Result<VirtAddr> mmap(const MapRequest& request);
    Result<void> munmap(VirtAddr at, u64 bytes);
    Result<void> mprotect(VirtAddr at, u64 bytes, u32 prot);
    Result<VirtAddr> mremap(VirtAddr old, u64 old_bytes, u64 new_bytes, u32 flags, VirtAddr to);
    Result<void> madvise(VirtAddr at, u64 bytes, int advice);
    Result<void> msync(VirtAddr at, u64 bytes, int flags);
    /// Writes one byte per page: 1 if resident.
    Result<void> mincore(VirtAddr at, u64 pages, u8* vector);
    /// brk(2): the new break, or the old one if that cannot be.
    VirtAddr brk(VirtAddr wanted);

    /// Resolves a fault at `at`. EFAULT: no area or not allowed (SIGSEGV); EIO or EOVERFLOW beyond
    /// the end of a file (SIGBUS); ENOMEM.
    Result<void> handle_mm_fault(VirtAddr at, upcall::Access access);

    /// Reads or writes another process's memory (/proc/<pid>/mem, ptrace); returns bytes moved.
    usize access_remote(VirtAddr at, std::span<std::byte> bytes, bool write);

    VmArea* find_vma(VirtAddr at);  // the first area that ends above `at`; mmap_lock held

    sched::RwSemaphore mmap_lock{"mmap_lock"};
    struct ByStart {
        static u64 key(const VmArea& area) { return area.start.raw(); }
    };
    RbTree<VmArea, &VmArea::node> areas;
    u32 area_count = 0;
    mm::PageTable* page_table = nullptr;
    SpinLock page_table_lock{"page_table", LockRank::PageTable};
    CpuMask cpus;  // processors that have these page tables loaded: for TLB shootdown

    // Where things are; set by exec, guarded by mmap_lock.
    VirtAddr mmap_base, start_brk, brk_end, start_stack, start_code, end_code, start_data, end_data;
    VirtAddr arg_start, arg_end, env_start, env_end;
    MappedFile* exe_file = nullptr;
    u64 auxv[2 * 24] = {};      // for /proc/<pid>/auxv
    u64 stack_limit = 8 << 20;  // RLIMIT_STACK at exec
    u64 data_limit = ~0ull;     // RLIMIT_DATA
    u64 as_limit = ~0ull;       // RLIMIT_AS

    // Counts in pages, for /proc/<pid>/statm and status.
    std::atomic<i64> rss_anon{0}, rss_file{0}, rss_shmem{0}, page_table_pages{0};
    std::atomic<u64> total_vm{0};

private:
    std::atomic<u32> users_{1};  // tasks that live in it
    std::atomic<u32> pins_{1};   // 1 for all users together, and borrowers
};

/// Loads `next`'s page tables on this processor, for the task about to run; null: a kernel thread,
/// which keeps what is loaded. Interrupts are off. Called by the scheduler through
/// sched::switch_mm_hook.
void switch_mm(sched::Task& previous, sched::Task& next);

/// Makes `mm` the running task's address space (exec) and returns the old one, to be put().
MmStruct* exec_mmap(MmStruct* mm);

/// Unmaps [start, end) pages of `mapping` from all processes: truncation.
void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index);

}  // namespace vm
