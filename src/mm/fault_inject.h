/// Allocations that fail on demand: the part of a debug build that shows what the kernel does when
/// there is no memory. In other builds all this is nothing at all.
///
/// Two ways to ask for it. A task's /proc/<pid>/fail-nth: the n-th allocation from now on that is
/// made on its behalf fails, once; a program that tries n = 1, 2, 3 … until nothing has failed has
/// seen every allocation of what it does fail (`make fault-alloc`). And by chance, for everybody or
/// for those with make-it-fail: the folders failslab/ and fail_page_alloc/ of debugfs.
///
/// Linux: lib/fault-inject.c, mm/failslab.c; Documentation/fault-injection.
#pragma once

#include <atomic>
#include <type_traits>

#include "lib/debug.h"
#include "mm/page_alloc.h"

namespace mm {

struct TaskFaultsChecked {
    std::atomic<u32> fail_nth{0};           // allocations until one fails; 0: none will
    std::atomic<bool> make_it_fail{false};  // where `task_filter` is set: it may meet one

    void inherit(const TaskFaultsChecked& parent) {
        make_it_fail.store(parent.make_it_fail.load(std::memory_order_relaxed));
    }
};
struct TaskFaultsUnchecked {
    void inherit(const TaskFaultsUnchecked&) {}
};
/// A task's part of it.
using TaskFaults = std::conditional_t<kDebugBuild, TaskFaultsChecked, TaskFaultsUnchecked>;

/// When a kind of allocation fails; the files of its folder in debugfs.
struct FaultAttr {
    using Number = std::atomic<i32>;
    const char* const name;
    Number probability{0};        // of 100
    Number interval{1};           // only every so many may fail
    Number times{1};              // how often it will; -1: without end
    Number space{0};              // bytes that are still given out before the first
    Number verbose{2};            // 1: a line for each failure; 2: and who asked
    Number task_filter{0};        // only tasks with make_it_fail
    Number ignore_gfp_wait{1};    // spare allocations that may sleep
    Number min_order{1};          // of pages: spare smaller blocks
    std::atomic<u32> counter{0};  // of `interval`
};
extern constinit FaultAttr failslab, fail_page_alloc;

/// Of the task on whose behalf this processor works; null before there are tasks.
extern TaskFaults* (*current_task_faults)();
inline void find_task_faults_with([[maybe_unused]] TaskFaults* (*find)()) {
    if constexpr (kDebugBuild) current_task_faults = find;
}

// mm/fault/ defines these.
bool inject_slab_fault(usize bytes, Gfp gfp);
bool inject_page_fault(unsigned order, Gfp gfp);

/// At the beginning of each allocation: whether it shall fail.
[[gnu::always_inline]] inline bool should_fail_slab([[maybe_unused]] usize bytes,
                                                    [[maybe_unused]] Gfp gfp) {
    if constexpr (kDebugBuild) return inject_slab_fault(bytes, gfp);
    return false;
}
[[gnu::always_inline]] inline bool should_fail_pages([[maybe_unused]] unsigned order,
                                                     [[maybe_unused]] Gfp gfp) {
    if constexpr (kDebugBuild) return inject_page_fault(order, gfp);
    return false;
}

}  // namespace mm
