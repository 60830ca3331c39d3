// See slab_races.h.

#include "init/probes/slab_races.h"

#include <atomic>
#include <new>

#include "arch/cpu.h"
#include "core/percpu/preempt.h"
#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/timeout.h"

namespace probes {

using mm::Gfp;
using mm::KmemCache;

u64 cost_of_pairs(KmemCache& cache, u32 count) {
    PreemptGuard stay;
    const u64 begin = arch::rdtsc();
    for (u32 i = 0; i < count; i++) {
        mm::kmem_cache_free(cache, mm::kmem_cache_alloc(cache, Gfp::Atomic));
    }
    return arch::rdtsc() - begin;
}

u64 cost_of_batches(KmemCache& cache, u32 count, u32 batches) {
    static constinit void* objects[1024]{};
    count = std::min<u32>(count, 1024);
    const u64 begin = arch::rdtsc();
    for (u32 round = 0; round < batches; round++) {
        for (u32 i = 0; i < count; i++) objects[i] = mm::kmem_cache_alloc(cache, Gfp::Kernel);
        for (u32 i = 0; i < count; i++) mm::kmem_cache_free(cache, objects[i]);
    }
    return arch::rdtsc() - begin;
}

u64 exhaust(KmemCache& cache) {
    PreemptGuard stay;  // nobody else shall miss it
    u64 count = 0;
    void** last = nullptr;
    while (void* const object = mm::kmem_cache_alloc(cache, Gfp::Atomic | Gfp::NoWarn)) {
        *static_cast<void**>(object) = last;
        last = static_cast<void**>(object);
        count++;
    }
    while (last != nullptr) {
        void** const next = static_cast<void**>(*last);
        mm::kmem_cache_free(cache, last);
        last = next;
    }
    return count;
}

// --- an interrupt at every instruction ----------------------------------------------------------

namespace {

constexpr u32 kHeld = 6;

struct Intruder {
    explicit Intruder(KmemCache& which) : cache(which) {}
    ~Intruder() { timer.cancel(); }
    /// Takes A and B, gives A back: the list begins as before, but what follows is gone.
    static time::Restart ring(time::HrTimer& timer) {
        auto& self = reinterpret_cast<Intruder&>(timer);  // its first member
        void* const first = mm::kmem_cache_alloc(self.cache, Gfp::Atomic);
        self.kept = mm::kmem_cache_alloc(self.cache, Gfp::Atomic);
        if (first != nullptr) mm::kmem_cache_free(self.cache, first);
        self.rang = true;
        return time::Restart::No;
    }

    time::HrTimer timer{ring};
    KmemCache& cache;
    void* volatile kept = nullptr;
    std::atomic<bool> rang{false};
};

/// How many of the objects are there twice.
u64 count_twice(void* const (&held)[kHeld], const void* kept) {
    u64 twice = 0;
    for (u32 i = 0; i < kHeld; i++) {
        if (held[i] == nullptr) continue;
        twice += held[i] == kept;
        for (u32 j = 0; j < i; j++) twice += held[i] == held[j];
    }
    return twice;
}

}  // namespace

Races run_races(KmemCache& cache, u32 rounds) {
    Races races{};
    for (u32 round = 0; round < rounds && races.twice == 0; round++) {
        void* held[kHeld];
        Intruder intruder(cache);
        PreemptGuard stay;
        const u64 begin = time::now_ns();
        intruder.timer.start(begin + 1000 + round, time::TimerMode::AbsolutePinned);
        while (!intruder.rang && time::now_ns() < begin + 500) arch::cpu_relax();
        u32 steps = 0;
        // Until the interrupt has come, and then what is on the list now.
        for (; !intruder.rang && steps < 1000; steps++) {
            mm::kmem_cache_free(cache, mm::kmem_cache_alloc(cache, Gfp::Atomic));
        }
        races.between += steps > 0;
        for (void*& object : held) object = mm::kmem_cache_alloc(cache, Gfp::Atomic);
        races.twice += count_twice(held, intruder.kept);
        if (races.twice != 0) return races;  // nothing is safe here any more
        for (void* object : held) {
            if (object != nullptr) mm::kmem_cache_free(cache, object);
        }
        if (intruder.kept != nullptr) mm::kmem_cache_free(cache, intruder.kept);
    }
    return races;
}

// --- all processors -----------------------------------------------------------------------------

namespace {

struct Note {
    u64 owner;  // who has it in hand; 0: it lies in the table or is free
    u64 mark;
};
constexpr usize kTable = 128;
constinit std::atomic<Note*> table[kTable]{};
constinit std::atomic<u64> twice{0};
constinit std::atomic<u32> running{0};
constinit KmemCache* storm_cache = nullptr;
constinit u32 storm_steps = 0;

void claim(Note& note, u64 me) {
    if (std::atomic_ref(note.owner).exchange(me) != 0) twice.fetch_add(1);
}
void release(Note& note, u64 me) {
    if (std::atomic_ref(note.owner).exchange(0) != me) twice.fetch_add(1);
}

void step(u64 me, u64& random) {
    random = random * 6364136223846793005 + 1442695040888963407;
    auto* note = static_cast<Note*>(mm::kmem_cache_alloc(*storm_cache, Gfp::Atomic));
    if (note != nullptr) {
        claim(*note, me);
        release(*note, me);
    }
    note = table[(random >> 33) % kTable].exchange(note);
    if (note == nullptr) return;
    claim(*note, me);
    release(*note, me);
    mm::kmem_cache_free(*storm_cache, note);
}

void work(void* number) {
    const u64 me = reinterpret_cast<u64>(number) + 1;
    u64 random = me;
    for (u32 i = 0; i < storm_steps; i++) step(me, random);
    running.fetch_sub(1);
}

}  // namespace

u64 run_storm_on_all(KmemCache& cache, u32 steps) {
    storm_cache = &cache;
    storm_steps = steps;
    twice = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        Result<sched::Task*> made =
            sched::kthread_create(work, reinterpret_cast<void*>(u64{cpu}), "storm");
        if (!made.ok()) return;
        running.fetch_add(1);
        sched::kthread_bind(*made.value(), cpu);
        sched::wake_up_new_task(*made.value());
    });
    for (u32 i = 0; i < 20'000 && running != 0; i++) sched::msleep(1);
    for (auto& place : table) {
        if (Note* const note = place.exchange(nullptr)) mm::kmem_cache_free(cache, note);
    }
    return twice.load();
}

}  // namespace probes
