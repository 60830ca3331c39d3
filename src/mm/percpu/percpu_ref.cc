// See percpu_ref.h.

#include "mm/percpu/percpu_ref.h"

#include "core/percpu/percpu.h"
#include "mm/slab.h"

namespace mm {

Result<void> PercpuRef::init() {
    const usize bytes = possible_cpus.count() * sizeof(Local);
    locals_ = static_cast<Local*>(TRY(kmalloc(bytes, Gfp::Kernel | Gfp::Zero)));
    return {};
}

PercpuRef::~PercpuRef() { kfree(locals_); }

std::atomic<i64>* PercpuRef::local() {
    if (state_.load(std::memory_order_acquire) & kCommon) return nullptr;
    return &locals_[cpu_id()].count;
}

void PercpuRef::get() {
    RcuReadGuard guard;
    std::atomic<i64>* const mine = local();
    (mine != nullptr ? *mine : count_).fetch_add(1, std::memory_order_relaxed);
}

bool PercpuRef::try_get() {
    RcuReadGuard guard;
    if (std::atomic<i64>* const mine = local()) {
        mine->fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    i64 seen = count_.load(std::memory_order_relaxed);
    while (seen != 0) {
        if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    }
    return false;
}

bool PercpuRef::try_get_live() {
    RcuReadGuard guard;
    std::atomic<i64>* const mine = local();
    if (mine == nullptr) return false;  // only kill() makes the count common
    mine->fetch_add(1, std::memory_order_relaxed);
    return true;
}

void PercpuRef::put() {
    RcuReadGuard guard;  // release() may free us: nothing is touched after it but the guard
    if (std::atomic<i64>* const mine = local()) {
        mine->fetch_sub(1, std::memory_order_release);
    } else if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        release_(*this);
    }
}

void PercpuRef::kill(Function confirm) {
    const u32 before = state_.fetch_or(kDead | kCommon, std::memory_order_acq_rel);
    ASSERT(!(before & kDead));
    confirm_ = confirm;
    call_rcu(rcu_, [](RcuHead& head) {
        rcu_owner<PercpuRef, &PercpuRef::rcu_>(head).switch_to_common();
    });
}

/// All sections in which somebody counted for itself are over.
void PercpuRef::switch_to_common() {
    i64 sum = 0;
    for_each_cpu(possible_cpus,
                 [&](unsigned cpu) { sum += locals_[cpu].count.load(std::memory_order_acquire); });
    count_.fetch_add(sum - kBias, std::memory_order_acq_rel);
    if (confirm_ != nullptr) confirm_(*this);
    put();  // the first one
}

}  // namespace mm
