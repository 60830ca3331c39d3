// All processors allocate and free at once, also what others have allocated, and interrupts do so
// in between: no object is handed out twice, and in the end none is missing.

#include "core/irq/ipi.h"
#include "lib/test.h"
#include "mm/slab/internal.h"
#include "sched/kthread.h"
#include "sched/test_wait.h"

namespace mm {

namespace {

constexpr usize kTable = 512;  // where objects wait for somebody to take them

struct Note {
    u64 owner;  // who has it in hand; 0: it lies in the table or is free
    u64 mark;
};

struct Storm {
    KmemCache* cache = nullptr;
    std::atomic<u32> running{0}, overlaps{0}, interrupts{0}, sent{0};
    std::atomic<u64> ready{0};
    std::atomic<Note*> table[kTable]{};
};
constinit Storm storm;

/// Marks an object as mine; if it is somebody's already, it was handed out twice.
void claim(Note& note, u64 me) {
    if (std::atomic_ref(note.owner).exchange(me) != 0) storm.overlaps.fetch_add(1);
    note.mark = me * 0x9e37'79b9;
}
void release(Note& note, u64 me) {
    if (note.mark != me * 0x9e37'79b9) storm.overlaps.fetch_add(1);
    if (std::atomic_ref(note.owner).exchange(0) != me) storm.overlaps.fetch_add(1);
}

/// The object's owner is 0 while it is free, and stays so: the free pointer lies behind it.
Note* take() {
    auto* const note = static_cast<Note*>(kmem_cache_alloc(*storm.cache, Gfp::Atomic));
    return note;
}

void in_interrupt_handler(void*) {
    constexpr u64 kMe = 1'000'000;
    Note* notes[3];
    for (Note*& note : notes) {
        note = take();
        if (note != nullptr) claim(*note, kMe + cpu_id());
    }
    for (Note* note : notes) {
        if (note == nullptr) continue;
        release(*note, kMe + cpu_id());
        kmem_cache_free(*storm.cache, note);
    }
    storm.interrupts.fetch_add(1, std::memory_order_relaxed);
}

void one_step(TestRandom& random, u64 me) {
    Note* note = take();
    if (note != nullptr) {
        claim(*note, me);
        release(*note, me);
    }
    // Put it on the table, and free what lay there: often an object of another processor's slab.
    note = storm.table[random.below(kTable)].exchange(note);
    if (note == nullptr) return;
    claim(*note, me);
    release(*note, me);
    kmem_cache_free(*storm.cache, note);
}

void worker(void* number) {
    const u64 me = reinterpret_cast<u64>(number) + 1;
    TestRandom random(me);
    irq::CallSingle call{.function = in_interrupt_handler};
    storm.ready.fetch_add(1);
    for (u32 i = 0; i < 6'000; i++) {
        one_step(random, me);
        if (i % 16 == 0 && !call.is_busy()) {
            const unsigned other = unsigned(random.below(online_cpus.count()));
            if (irq::smp_call_function_single_async(other, call).ok()) storm.sent.fetch_add(1);
        }
        if (i % 2000 == 1000) kmem_cache_shrink(*storm.cache);
    }
    while (call.is_busy()) arch::cpu_relax();
    storm.running.fetch_sub(1);
}

void rage(TestContext& test, SlabFlags flags) {
    // A ctor so that freed objects keep their contents: an owner of 0.
    Result<KmemCache*> made = kmem_cache_create("storm", sizeof(Note), 0, flags,
                                                [](void* object) { new (object) Note{}; });
    REQUIRE(made.ok());
    storm.cache = made.value();
    storm.overlaps = storm.interrupts = storm.sent = 0;
    storm.ready = 0;
    const u32 threads = 2 * online_cpus.count();
    storm.running = threads;
    for (u64 i = 0; i < threads; i++) {
        Result<sched::Task*> task =
            sched::kthread_run(worker, reinterpret_cast<void*>(i), "slab_storm");
        EXPECT(task.ok());
    }
    for (int i = 0; i < 60 && storm.running.load() > 0; i++) {
        (void)sched::comes_true([] { return storm.running.load() == 0; });
    }
    REQUIRE(storm.running.load() == 0);
    // A call is free again when its function begins, which is not its end.
    REQUIRE(sched::comes_true([] { return storm.interrupts.load() == storm.sent.load(); }));
    EXPECT_EQ(storm.overlaps.load(), 0u);
    EXPECT(storm.interrupts.load() > 0);
    for (auto& place : storm.table) {
        if (Note* const note = place.exchange(nullptr)) kmem_cache_free(*storm.cache, note);
    }
    EXPECT_EQ(storm.cache->stats().objects_in_use, 0u);
    if (online_cpus.count() > 1 && !is_debugged(*storm.cache)) {
        EXPECT(sum_of(*storm.cache, SlabStat::FreeSlowpath) > 0);
    }
    kmem_cache_shrink(*storm.cache);
    EXPECT_EQ(storm.cache->stats().slabs, 0u);
    EXPECT(kmem_cache_destroy(*storm.cache).ok());
}

}  // namespace

TEST(slab_storm, "mm.slab.storm") { rage(test, SlabFlags::NoMerge); }
TEST(slab_storm_hardened, "mm.slab.storm.hardened") {
    rage(test, SlabFlags::NoMerge | SlabFlags::Hardened | SlabFlags::Shuffled);
}
TEST(slab_storm_debugged, "mm.slab.storm.debugged") {
    rage(test, SlabFlags::NoMerge | kDebugFlags);
}

// What another processor frees goes to the slab, and the owner finds it there.
TEST(slab_remote_free, "mm.slab.remote_free") {
    if (!online_cpus.has(1)) return;
    Result<KmemCache*> made = kmem_cache_create("remote", 256, 0, SlabFlags::NoMerge);
    REQUIRE(made.ok());
    static constinit KmemCache* cache;
    static constinit void* object;
    cache = made.value();
    const auto on = [&](unsigned cpu, irq::CallFn call) {
        EXPECT(irq::smp_call_function_single(cpu, call, nullptr, irq::CallWait::Yes).ok());
    };
    on(1, [](void*) { object = kmem_cache_alloc(*cache, Gfp::Atomic); });
    REQUIRE(object != nullptr);
    Page& slab = slab_of(object);
    EXPECT_EQ(read_state(slab).freelist, 0u);
    on(0, [](void*) { kmem_cache_free(*cache, object); });
    EXPECT_EQ(read_state(slab).freelist, reinterpret_cast<u64>(object));
    EXPECT_EQ(sum_of(*cache, SlabStat::FreeFrozen), 1u);
    EXPECT(kmem_cache_destroy(*cache).ok());
}

}  // namespace mm
