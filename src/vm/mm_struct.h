/// MmStruct: the address space of a process: its areas, its page tables, where its parts lie.
/// Linux' struct mm_struct.
///
/// Two counts. `users`: tasks that live in it, and whoever looks into it meanwhile; the last put()
/// unmaps everything. `pins`: processors that have its page tables loaded, and one for all users
/// together; the last drop() frees the top-level table and the object.
///
/// Locks: `mmap_lock` (read: look at areas, handle faults; write: change areas), then a file's
/// i_mmap_mutex, then the spin lock `page_table_lock` for the entries. Page tables are freed only
/// with mmap_lock held for writing, so a pointer to an entry lives as long as mmap_lock is held.
#pragma once

#include <atomic>
#include <span>

#include "arch/upcalls.h"
#include "core/percpu/percpu.h"
#include "mm/page_table.h"
#include "sched/lock/rwsem.h"
#include "sched/task.h"
#include "vm/vm_area.h"

namespace vm {

/// MAP_* and PROT_* come from abi/mman.h.
struct MapRequest {
    VirtAddr at;  // hint, or the place with MAP_FIXED
    u64 bytes;
    u32 prot;                    // PROT_*
    u32 map_flags;               // MAP_*
    MappedFile* file = nullptr;  // borrowed: each area takes its own reference
    u64 page_offset = 0;
    u32 extra_flags = 0;          // VmFlags to add (kVmStack, kVmHeap, kVmGrowsDown)
    u32 denied_flags = 0;         // VmFlags to take away (kVmMayWrite: for ever read-only)
    bool file_writable = true;    // a shared mapping of a file opened for reading cannot become so
    bool file_executable = true;  // nor one of a file on a noexec mount executable
};

/// What a fault took: Major if something had to be read from a device.
enum class FaultKind : u8 { Minor, Major };

class MmStruct {
public:
    /// An empty address space with one user. ENOMEM.
    static Result<MmStruct*> create();

    /// A copy for fork: private pages become shared copy-on-write. The source is the running
    /// task's. ENOMEM.
    static Result<MmStruct*> duplicate(MmStruct& source);

    void get() { users_.fetch_add(1, std::memory_order_relaxed); }
    /// As get(), unless the last user is gone. For who found the object without being a user.
    bool try_get();
    /// Drops a user; the last one unmaps everything. May sleep.
    void put();
    /// Keeps the page tables (not the contents) alive: processors that have them loaded.
    void grab() { pins_.fetch_add(1, std::memory_order_relaxed); }
    void drop();
    u32 users() const { return users_.load(std::memory_order_relaxed); }

    // --- the calls; each takes mmap_lock itself --------------------------------------------
    /// mmap: EINVAL, ENOMEM, EEXIST (MAP_FIXED_NOREPLACE), EPERM, EACCES, EOVERFLOW.
    Result<VirtAddr> mmap(const MapRequest& request);
    /// EINVAL (unaligned, empty, beyond user space), ENOMEM (a split would make too many areas).
    Result<void> munmap(VirtAddr at, u64 bytes);
    /// EINVAL, ENOMEM (a hole, too many areas), EACCES.
    Result<void> mprotect(VirtAddr at, u64 bytes, u32 prot);
    /// EINVAL, EFAULT (nothing there, or several areas), ENOMEM.
    Result<VirtAddr> mremap(VirtAddr old, u64 old_bytes, u64 new_bytes, u32 flags, VirtAddr to);
    /// EINVAL (unaligned, or advice that is unknown or not for this kind of area), ENOMEM (a hole).
    Result<void> madvise(VirtAddr at, u64 bytes, int advice);
    /// EINVAL, ENOMEM (a hole), EBUSY (MS_INVALIDATE on a locked area).
    Result<void> msync(VirtAddr at, u64 bytes, int flags);
    /// Writes one byte per page: 1 if resident. ENOMEM if there is a hole.
    Result<void> mincore(VirtAddr at, u64 pages, u8* vector);
    /// Sets or clears kVmLocked, and with it brings the pages in. EPERM (RLIMIT_MEMLOCK is 0),
    /// ENOMEM (a hole, or beyond that limit), EINVAL.
    enum class Lock : u8 { Off, On, OnFault };
    Result<void> mlock(VirtAddr at, u64 bytes, Lock lock);
    Result<void> mlockall(Lock current, Lock future);
    /// brk(2): the new break, or the old one if that cannot be.
    VirtAddr brk(VirtAddr wanted);

    /// Resolves a fault at `at`. EFAULT: no area (SIGSEGV, SEGV_MAPERR). EACCES: the area does not
    /// allow it (SIGSEGV, SEGV_ACCERR). ENOMEM. Anything else: the file has no such page, or it
    /// cannot be read (SIGBUS). May sleep.
    Result<FaultKind> handle_mm_fault(VirtAddr at, upcall::Access access);

    /// Reads or writes another process's memory (/proc/<pid>/mem, ptrace), also where the area's
    /// present protection forbids it but mprotect could allow it; returns bytes moved. Takes
    /// mmap_lock. May sleep.
    usize access_remote(VirtAddr at, std::span<std::byte> bytes, bool write);
    /// As access_remote(), but only where the program itself may now (process_vm_readv).
    usize access_allowed(VirtAddr at, std::span<std::byte> bytes, bool write);

    VmArea* find_vma(VirtAddr at);  // the first area that ends above `at`; mmap_lock held

    sched::RwSemaphore mmap_lock{"mmap_lock"};
    struct ByStart {
        bool operator()(const VmArea& a, const VmArea& b) const { return a.start < b.start; }
        bool operator()(const VmArea& a, VirtAddr at) const { return a.start < at; }
        bool operator()(VirtAddr at, const VmArea& a) const { return at < a.start; }
    };
    RbTree<VmArea, &VmArea::node, ByStart> areas;
    u32 area_count = 0;
    mm::PageTable* page_table = nullptr;
    SpinLock page_table_lock{"page_table", LockRank::PageTable};
    /// Empty tables, one for each huge entry (huge/huge.h).
    List<mm::Page, &mm::Page::link> reserved_tables GUARDED_BY(page_table_lock);
    // For TLB shootdown (tables/loaded.h).
    CpuMask cpus;                 // processors that have these page tables loaded
    std::atomic<u64> tlb_gen{1};  // entries became weaker so often
    const u64 context_id;         // no other address space has or had it

    /// The OOM killer has taken, or is taking, what only this address space can see. What is not
    /// there any more is not made anew: EFAULT, rather than zeros in the place of data.
    std::atomic<bool> is_reaped{false};

    // The segments of its programs (ldt.h); null, mostly.
    std::atomic<struct LdtStruct*> ldt{nullptr};

    // Where things are; set by exec, guarded by mmap_lock. The heap is [start_brk, brk_end).
    VirtAddr mmap_base, start_brk, brk_end, start_stack, start_code, end_code, start_data, end_data;
    VirtAddr arg_start, arg_end, env_start, env_end;
    MappedFile* exe_file = nullptr;  // holds a reference
    u64 auxv[2 * 24] = {};           // for /proc/<pid>/auxv
    u32 default_flags = 0;           // VmFlags of every new area: kVmLocked after MCL_FUTURE

    /// The program has announced that it will ask for MEMBARRIER_CMD_PRIVATE_EXPEDITED.
    std::atomic<bool> uses_membarrier{false};

    // Where get_unmapped_area() goes on looking: no hole larger than `cached_hole` above it.
    VirtAddr free_area_cache;
    u64 cached_hole = 0;

    // Counts in pages, for /proc/<pid>/statm and status.
    std::atomic<i64> rss_anon{0}, rss_file{0}, rss_shmem{0}, page_table_pages{0};
    std::atomic<i64> swap_pages{0};   // entries that lead to swap space
    ListLink swap_link;               // among those that have, or had, such entries (swap/swap.h)
    std::atomic<i64> hiwater_rss{0};  // the most that rss() has been
    std::atomic<u64> hiwater_vm{0};   // the same of total_vm, up to the last unmapping: peak_vm()
    std::atomic<u64> total_vm{0}, locked_vm{0}, data_vm{0}, stack_vm{0}, exec_vm{0};

    i64 rss() const {
        return rss_anon.load(std::memory_order_relaxed) + rss_file.load(std::memory_order_relaxed) +
               rss_shmem.load(std::memory_order_relaxed);
    }

    u64 peak_vm() const {
        return std::max(hiwater_vm.load(std::memory_order_relaxed),
                        total_vm.load(std::memory_order_relaxed));
    }

private:
    MmStruct();
    ~MmStruct() = default;
    void exit_mmap();
    Result<void> expand_stack(VirtAddr at);
    VirtAddr change_brk(VirtAddr wanted, AreaList& dead);
    enum class Holes : u8 { Stop, Skip };
    Result<void> change_flags(VirtAddr at, u64 bytes, u32 set, u32 clear, Holes holes);
    enum class Populate : u8 { AsMapped, Read, Write };
    /// Faults the pages of [at, end) in, up to a failure. ENOMEM: a hole, or no memory; EINVAL: the
    /// area does not allow it; EFAULT: the file has no such page, or AsMapped, where nobody may use
    /// the area; EINTR: the task is to die.
    Result<void> populate(VirtAddr at, VirtAddr end, Populate how);
    Result<VirtAddr> next_to_populate(VirtAddr at, upcall::Access& access);
    Result<void> copy_areas_from(MmStruct& source);

    std::atomic<u32> users_{1};
    std::atomic<u32> pins_{1};
};

/// At most this many areas: Linux' sysctl vm.max_map_count.
inline constexpr u32 kMaxMapCount = 65530;

/// Loads `next`'s page tables on this processor, for the task about to run; a kernel thread keeps
/// what is loaded. Interrupts are off. The scheduler calls it through sched::switch_mm_hook.
void switch_mm(sched::Task& previous, sched::Task& next);

/// Makes `mm` the running task's address space (exec) and returns the old one, to be put().
MmStruct* exec_mmap(MmStruct* mm);

/// Ends the running task's use of its address space (exit): afterwards it is like a kernel thread.
void exit_mm();

/// The address space of another task with a user counted, or null: put() it. (Task::mm of another
/// task may be gone any moment.)
MmStruct* get_task_mm(sched::Task& task);

/// The same without a user, for its counts alone: drop() it. Unlike put(), that never unmaps
/// anything, so it may be done whatever the caller holds.
MmStruct* grab_task_mm(sched::Task& task);

/// Unmaps [first_index, end_index) pages of `mapping` from all processes: truncation. May sleep.
void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index);

/// Registers the page cache's shrinker and the scheduler's hook. Boot, once the allocator works.
void init();

}  // namespace vm
