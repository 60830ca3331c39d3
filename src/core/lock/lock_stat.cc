#include "core/lock/lock_stat.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/lock/lock_trace.h"
#include "lib/debug.h"
#include "lib/string.h"

namespace lock_stat {

constinit std::atomic<u32> enabled{1};

namespace {

constexpr usize kMaxClasses = kDebugBuild ? 512 : 160;
constinit Class table[kMaxClasses];
constinit std::atomic<u32> making{0};  // somebody makes a class

bool is_class(const Class& entry, Kind kind, u8 subclass) {
    return entry.kind == kind && entry.subclass == subclass;
}

/// The class, or the first free place, or null. Equal names are nearly always one string.
Class* find_or_free(const char* name, Kind kind, u8 subclass) {
    Class* free = nullptr;
    for (Class& entry : table) {
        const char* const its = entry.name.load(std::memory_order_acquire);
        if (its == name && is_class(entry, kind, subclass)) return &entry;
        if (its == nullptr) {
            free = &entry;
            break;
        }
    }
    for (Class& entry : table) {
        const char* const its = entry.name.load(std::memory_order_acquire);
        if (its == nullptr) break;
        if (is_class(entry, kind, subclass) && strcmp(its, name) == 0) return &entry;
    }
    return free;
}

}  // namespace

const char* kind_name(Kind kind) {
    constexpr const char* kNames[] = {"spin", "rwlock", "mutex", "rwsem", "sem"};
    return kNames[static_cast<usize>(kind)];
}

void Times::add(u64 ns) {
    count.fetch_add(1, std::memory_order_relaxed);
    total.fetch_add(ns, std::memory_order_relaxed);
    for (u64 old = max; ns > old && !max.compare_exchange_weak(old, ns);) {
    }
    for (u64 old = min; ns < old && !min.compare_exchange_weak(old, ns);) {
    }
}

void Times::reset() {
    count = total = max = 0;
    min = ~u64{0};
}

Class* find_class(const char* name, Kind kind, u8 subclass) {
    Class* entry = find_or_free(name, kind, subclass);
    if (entry == nullptr || entry->name.load(std::memory_order_relaxed) != nullptr) return entry;

    // A bare word as lock: a lock with a name would want a class itself.
    const bool irqs_were_on = arch::irq_save();
    while (making.exchange(1, std::memory_order_acquire) != 0) arch::cpu_relax();
    entry = find_or_free(name, kind, subclass);  // somebody may have made it meanwhile
    if (entry != nullptr && entry->name.load(std::memory_order_relaxed) == nullptr) {
        entry->kind = kind;
        entry->subclass = subclass;
        entry->name.store(name, std::memory_order_release);
    }
    making.store(0, std::memory_order_release);
    arch::irq_restore(irqs_were_on);
    return entry;
}

std::span<Class> classes() { return table; }

void reset() {
    for (Class& entry : table) {
        entry.acquisitions = 0;
        entry.wait.reset();
        entry.hold.reset();
    }
}

Wait::Wait(const void* lock, const char* name, Kind kind)
    : lock_(lock), name_(name), since_ns_(arch::clock_ns()), kind_(kind) {
    trace::point(
        ContentionBegin{.lock_addr = reinterpret_cast<u64>(lock), .flags = flags_of(kind)});
}

Wait::~Wait() {
    trace::point(ContentionEnd{.lock_addr = reinterpret_cast<u64>(lock_), .ret = 0});
    if (enabled.load(std::memory_order_relaxed) == 0) return;
    if (Class* its = find_class(name_, kind_)) its->wait.add(arch::clock_ns() - since_ns_);
}

}  // namespace lock_stat
