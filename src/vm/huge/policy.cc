// When a huge page is wanted. Linux: hugepage_vma_check().

#include "vm/huge/huge.h"

namespace vm {

namespace {

/// Memory is small here: programs that want to spend it on speed ask for it.
constinit std::atomic<HugePolicy> policy{HugePolicy::Madvise};

}  // namespace

HugePolicy huge_policy() { return policy.load(std::memory_order_relaxed); }

void set_huge_policy(HugePolicy wanted) { policy.store(wanted, std::memory_order_relaxed); }

bool wants_huge_page(const VmArea& area, VirtAddr at) {
    const VirtAddr start = huge_down(at);
    if (start < area.start || area.end - start < kHugeSize) return false;
    if (area.file || (area.flags & (kVmShared | kVmExec | kVmNoHugePage | kVmStack))) return false;
    switch (huge_policy()) {
    case HugePolicy::Always: return true;
    case HugePolicy::Madvise: return area.flags & kVmHugePage;
    default: return false;
    }
}

}  // namespace vm
