// See bucket.h. Linux: kernel/futex/core.c.

#include "process/futex/bucket.h"

#include "core/log/panic.h"
#include "core/percpu/percpu.h"
#include "core/user/user_ptr.h"
#include "lib/scope_guard.h"
#include "mm/vmalloc.h"

namespace process {

namespace {

/// As many as Linux has: ten thousand sleepers are some forty in each.
constexpr u32 kBucketsPerCpu = 256;

/// Not an array of constinit buckets: g++ 12 copies the first element's initial value into all
/// others, and a list head that points to itself does not survive that.
constinit Bucket* buckets = nullptr;
constinit unsigned hash_bits = 0;

}  // namespace

void futex_init() {
    while (1u << hash_bits < kBucketsPerCpu * possible_cpus.count()) hash_bits++;
    const u32 count = 1u << hash_bits;
    Result<void*> memory = mm::vmalloc(sizeof(Bucket) * count);
    if (!memory.ok()) panic("no memory for futexes");
    buckets = static_cast<Bucket*>(memory.value());
    for (u32 i = 0; i < count; i++) new (&buckets[i]) Bucket();
}

Bucket& bucket_at(u32 index) { return buckets[index]; }

u32 bucket_of(const FutexKey& key) {
    const u64 mixed = (key.object ^ key.offset * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
    return static_cast<u32>(mixed >> (64 - hash_bits));
}

void Bucket::insert(Waiter& waiter) {
    Waiter* before = waiters.back();
    while (before != nullptr && before->prio > waiter.prio) before = waiters.prev(*before);
    if (before == nullptr) {
        waiters.push_front(waiter);
    } else {
        waiters.insert_after(*before, waiter);
    }
}

Waiter* Bucket::top_waiter(const FutexKey& key) {
    for (Waiter& waiter : waiters) {
        if (waiter.key == key) return &waiter;
    }
    return nullptr;
}

Result<void> futex_wait_setup(Waiter& waiter, const FutexWait& wait) {
    Bucket& bucket = bucket_at(waiter.bucket.load());
    bucket.waiting.fetch_add(1);
    ScopeGuard not_waiting([&] { bucket.waiting.fetch_sub(1); });
    sched::MutexGuard guard(bucket.mutex);
    if (TRY(UserPtr<const u32>(wait.at).copy_in()) != wait.expected) return EAGAIN;
    bucket.insert(waiter);
    not_waiting.dismiss();
    return {};
}

void unqueue(Waiter& waiter) {
    waiter.link.unlink();
    buckets[waiter.bucket.load()].waiting.fetch_sub(1);
}

void move_waiter(Waiter& waiter, const FutexKey& key, u32 to) {
    waiter.key = key;
    if (waiter.bucket.load() == to) return;  // and keeps its place
    unqueue(waiter);
    waiter.bucket = to;
    buckets[to].waiting.fetch_add(1);
    buckets[to].insert(waiter);
}

BucketPair::BucketPair(u32 a, u32 b) : low_(std::min(a, b)), high_(std::max(a, b)) {
    buckets[low_].mutex.lock();
    if (high_ != low_) buckets[high_].mutex.lock_nested(1);
}

BucketPair::~BucketPair() {
    if (high_ != low_) buckets[high_].mutex.unlock();
    buckets[low_].mutex.unlock();
}

BucketOf::BucketOf(Waiter& waiter) : at_(waiter.bucket.load()) {
    for (;;) {
        buckets[at_].mutex.lock();
        const u32 now = waiter.bucket.load();
        if (now == at_) return;
        buckets[at_].mutex.unlock();  // moved before we had the mutex
        at_ = now;
    }
}

BucketOf::~BucketOf() { buckets[at_].mutex.unlock(); }

}  // namespace process
