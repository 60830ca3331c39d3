// oom_reaper: takes the memory of a process that was killed, without waiting until it dies. It may
// be asleep for a lock that somebody holds who himself waits for memory.

#include "core/log/printk.h"
#include "core/time/clock.h"
#include "lib/string.h"
#include "process/oom/oom.h"
#include "sched/kthread.h"
#include "sched/lock/wait_event.h"
#include "vm/zap.h"

namespace process {

namespace {

struct Victim {
    std::atomic<vm::MmStruct*> mm{nullptr};
    sched::PidNumber pid = 0;
    char name[16] = {};
    sched::WaitQueue queue;
};
constinit Victim victim;

/// What only the victim can see: nobody will look at it again.
void reap(vm::MmStruct& mm) {
    mm.is_reaped.store(true, std::memory_order_release);  // a write(2) of it must not find zeros
    for (vm::VmArea& area : mm.areas) {
        if (area.is_shared() || (area.flags & vm::kVmPfnMap)) continue;
        vm::TlbGather gather(mm);
        vm::zap_range(gather, mm, area.start, area.end);
    }
}

/// False: somebody holds mmap_lock for writing, for a while already.
bool try_to_reap(vm::MmStruct& mm) NO_LOCK_ANALYSIS {
    for (int tries = 0; tries < 10; tries++) {
        if (mm.mmap_lock.try_down_read()) {
            reap(mm);
            mm.mmap_lock.up_read();
            return true;
        }
        (void)sched::sleep_until(time::now_ns() + 100 * time::kNsPerMs).ok();
    }
    return false;
}

void run_reaper(void*) {
    for (;;) {
        (void)sched::wait_event(victim.queue, sched::kInterruptible, [] {
            return victim.mm.load(std::memory_order_acquire) != nullptr;
        }).ok();
        vm::MmStruct& mm = *victim.mm.load();
        const bool reaped = try_to_reap(mm);
        printk(
            "oom_reaper: %s process %d (%s), now anon-rss:%ldkB, file-rss:%ldkB, shmem-rss:%ldkB",
            reaped ? "reaped" : "unable to reap", victim.pid, victim.name,
            mm.rss_anon.load() * i64{kPageSize / 1024}, mm.rss_file.load() * i64{kPageSize / 1024},
            mm.rss_shmem.load() * i64{kPageSize / 1024});
        mm.put();
        victim.mm.store(nullptr, std::memory_order_release);
    }
}

}  // namespace

bool is_victim_pending() { return victim.mm.load(std::memory_order_acquire) != nullptr; }

void queue_for_reaper(vm::MmStruct& mm, sched::PidNumber pid, const char* name) {
    victim.pid = pid;
    copy_string(victim.name, name);
    victim.mm.store(&mm, std::memory_order_release);
    victim.queue.wake_all();
}

Result<void> start_oom_reaper() {
    TRY(sched::kthread_run(run_reaper, nullptr, "oom_reaper"));
    return {};
}

}  // namespace process
