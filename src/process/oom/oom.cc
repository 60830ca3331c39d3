// Whom to kill when memory is exhausted.

#include "process/oom/oom.h"

#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "lib/ref.h"
#include "mm/page_alloc.h"
#include "process/signal.h"
#include "sched/mutex.h"
#include "sched/pid.h"
#include "sched/sched.h"
#include "sched/signal_struct.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"

namespace process {

constinit std::atomic<u32> panic_on_oom{0}, oom_kill_allocating_task{0}, oom_dump_tasks{1};

namespace {

using sched::Task;

constexpr i64 kNeverKill = -1000;  // of oom_score_adj
constexpr u64 kKiB = kPageSize / 1024;

constinit sched::Mutex oom_mutex{"oom"};

/// The address space of another task, kept for the length of a scope. Not as a user: the last one
/// unmaps everything, and takes locks for it that whoever needs memory here may hold already.
class MmPin {
public:
    explicit MmPin(Task& task) : mm_(vm::grab_task_mm(task)) {}
    ~MmPin() {
        if (mm_) mm_->drop();
    }
    MmPin(const MmPin&) = delete;
    explicit operator bool() const { return mm_ != nullptr; }
    vm::MmStruct* operator->() const { return mm_; }
    vm::MmStruct* get() const { return mm_; }

private:
    vm::MmStruct* mm_;
};

/// The task with the lowest number from `number` on, with a reference.
Ref<Task> task_from(sched::PidNumber number) {
    IrqGuard guard(sched::tasks_lock);
    Task* task = sched::next_task(number);
    return task ? Ref<Task>::share(task) : Ref<Task>();
}

/// Calls `body(task)` for each task; it may sleep.
template <class Body>
void for_each_task(Body body) {
    for (Ref<Task> task = task_from(1); task; task = task_from(task->pid + 1)) body(*task);
}

/// Lets others run, who have memory to give back.
void wait_a_little() {
    sched::current().state.store(sched::kUninterruptible);
    (void)sched::schedule_until(time::now_ns() + 10 * time::kNsPerMs);
}

Ref<Task> select_victim() {
    Ref<Task> chosen;
    i64 most = INT64_MIN;
    const i64 total = oom_total_pages();
    for_each_task([&](Task& task) {
        i64 points;
        if (task.has(sched::kMemdie) || !oom_badness(task, total, points)) return;
        if (points <= most) return;
        most = points;
        chosen = Ref<Task>::share(&task);
    });
    return chosen;
}

void dump_header(mm::Gfp gfp, unsigned order) {
    Task& task = sched::current();
    const int adjust = task.signal ? task.signal->oom_score_adj : 0;
    printk(Level::Warning, "%s invoked oom-killer: gfp_mask=%#x, order=%u, oom_score_adj=%d",
           task.comm, static_cast<u32>(gfp), order, adjust);
    printk(
        "Mem-Info: free:%lu of %lu pages, %lu in page caches, %lu anonymous; swap: free %lukB of "
        "%lukB",
        mm::free_page_count(), mm::total_pages(), vm::cached_pages(),
        mm::vm_count(mm::VmItem::AnonPages), vm::free_swap_pages() * kKiB,
        vm::total_swap_pages() * kKiB);
}

void dump_tasks() {
    if (!oom_dump_tasks.load()) return;
    printk("Tasks state (memory values in pages):");
    printk("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
    for_each_task([](Task& task) {
        const MmPin mm(task);
        if (!mm || task.pid != task.tgid || !task.signal) return;
        printk("[%7d] %5u %5d %8lu %8ld %8ld %8ld         %5d %s", task.pid, task.cred.uid,
               task.tgid, mm->total_vm.load(), mm->rss(),
               mm->page_table_pages.load() * i64{kPageSize}, mm->swap_pages.load(),
               i32{task.signal->oom_score_adj}, task.comm);
    });
}

/// Marks all threads that live in `mm`, and kills their processes.
void kill_all_users(const vm::MmStruct& mm) {
    for_each_task([&](Task& task) {
        const MmPin its(task);
        if (its.get() != &mm || task.tgid == sched::kInitPid) return;
        task.set(sched::kMemdie);
        if (!task.has(sched::kKilled)) send_signal(task, abi::SIGKILL);
    });
}

void oom_kill_process(Task& victim, const char* message) {
    vm::MmStruct* const mm = vm::get_task_mm(victim);
    if (!mm) return;
    printk(Level::Err,
           "%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB, "
           "shmem-rss:%lukB, UID:%u pgtables:%lukB oom_score_adj:%d",
           message, victim.tgid, victim.comm, mm->total_vm.load() * kKiB,
           static_cast<u64>(mm->rss_anon.load()) * kKiB,
           static_cast<u64>(mm->rss_file.load()) * kKiB,
           static_cast<u64>(mm->rss_shmem.load()) * kKiB, victim.cred.uid,
           static_cast<u64>(mm->page_table_pages.load()) * kKiB,
           victim.signal ? i32{victim.signal->oom_score_adj} : 0);
    mm::count_vm(mm::VmItem::OomKill);
    kill_all_users(*mm);
    queue_for_reaper(*mm, victim.tgid, victim.comm);  // which has the user from here on
}

bool kill_somebody(mm::Gfp gfp, unsigned order, bool bound) {
    dump_header(gfp, order);
    Task& task = sched::current();
    i64 points;
    const bool can_go = oom_badness(task, oom_total_pages(), points);
    if (bound) {  // the death of another would help only by chance
        if (can_go) oom_kill_process(task, "Out of memory (memory policy)");
        return can_go;
    }
    if (panic_on_oom.load()) panic("Out of memory: system-wide panic_on_oom is enabled");
    if (oom_kill_allocating_task.load() && can_go) {
        oom_kill_process(task, "Out of memory (oom_kill_allocating_task)");
        return true;
    }
    const Ref<Task> victim = select_victim();
    if (!victim) {
        printk(Level::Warning, "Out of memory and no killable processes...");
        return false;
    }
    dump_tasks();
    oom_kill_process(*victim, "Out of memory");
    return true;
}

/// vm::oom_handler. The caller may hold sleeping locks, but no spin lock.
bool out_of_memory(mm::Gfp gfp, unsigned order, bool bound) {
    Task& task = sched::current();
    // Whoever is dying anyway gets what it needs for that.
    if (task.has(sched::kKilled) || task.has(sched::kExiting)) {
        const bool is_new = !task.has(sched::kMemdie);
        task.set(sched::kMemdie);
        return is_new;
    }
    if (is_victim_pending() || !oom_mutex.try_lock()) {
        wait_a_little();
        return true;
    }
    const bool killed = is_victim_pending() || kill_somebody(gfp, order, bound);
    oom_mutex.unlock();
    if (killed && !task.has(sched::kKilled)) wait_a_little();
    return killed;
}

}  // namespace

i64 oom_total_pages() { return static_cast<i64>(mm::total_pages() + vm::total_swap_pages()); }

bool oom_badness(Task& task, i64 total, i64& points) {
    if (task.tgid == sched::kInitPid || !task.signal) return false;
    const MmPin mm(task);
    const i64 adjust = task.signal->oom_score_adj;
    if (!mm || adjust == kNeverKill) return false;
    points = mm->rss() + mm->swap_pages.load() + mm->page_table_pages.load();
    points += adjust * (total / 1000);
    return true;
}

Result<void> init_oom() {
    TRY(start_oom_reaper());
    vm::oom_handler.store(out_of_memory, std::memory_order_release);
    return {};
}

}  // namespace process
