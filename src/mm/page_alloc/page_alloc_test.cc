// The page allocator as its callers see it.

#include "mm/page_alloc.h"

#include "arch/cpu.h"
#include "core/percpu/preempt.h"
#include "lib/test.h"
#include "mm/highmem.h"
#include "mm/kasan.h"
#include "mm/page_alloc/internal.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/timeout.h"

namespace mm {

namespace {

/// Whether `body` gives back all that it takes: as many pages are free as before. Others allocate
/// and free meanwhile, so it may try some times. With KASAN objects leave the quarantine at any
/// time, and pages are freed with them.
template <class Body>
bool gives_all_back(Body body) {
    for (unsigned tries = 0; tries < 20; tries++) {
        const u64 before = free_page_count();
        body();
        if (kKasan || free_page_count() == before) return true;
    }
    return false;
}

void take_and_give(TestContext& test, bool& counted) {
    const u64 before = free_page_count();
    Page* pages[16];
    for (unsigned i = 0; i < 16; i++) {
        pages[i] = alloc_pages(Gfp::Kernel | Gfp::Zero, i % 4).take();
    }
    counted |= kKasan || before - free_page_count() == 4u * (1 + 2 + 4 + 8);
    for (unsigned i = 0; i < 16; i++) {
        const u64* words = bytes_of<u64>(*pages[i]);
        EXPECT_EQ(words[0] | words[kPageSize / 8 - 1], 0u);
        EXPECT(is_aligned(pfn_of(*pages[i]).raw(), u64{1} << i % 4));
        free_pages(*pages[i], i % 4);
    }
}

}  // namespace

TEST(pages_are_accounted, "mm.page_alloc.balance") {
    bool counted = false;
    EXPECT(gives_all_back([&] { take_and_give(test, counted); }));
    EXPECT(counted);
    EXPECT(!alloc_pages(Gfp::Kernel | Gfp::NoWarn, kMaxOrder + 1).ok());
}

static void make_and_drop_compound(TestContext& test) {
    Page& head = *alloc_pages(Gfp::Kernel | Gfp::Comp, 3).take();
    EXPECT(head.has(kPageHead));
    EXPECT_EQ(compound_order(head), 3u);
    for (unsigned i = 1; i < 8; i++) {
        EXPECT((&head)[i].has(kPageTail));
        EXPECT_EQ(&compound_head((&head)[i]), &head);
    }
    get_page((&head)[5]);  // counted in the head
    EXPECT_EQ(head.ref_count.load(), 2u);
    EXPECT_EQ((&head)[5].ref_count.load(), 0u);
    put_page((&head)[7]);
    EXPECT_EQ(head.ref_count.load(), 1u);
    put_page((&head)[1]);  // the last: all eight are free
    EXPECT(!(&head)[1].has(kPageTail));
}
TEST(compound_pages, "mm.page_alloc.compound") {
    EXPECT(gives_all_back([&] { make_and_drop_compound(test); }));
}

TEST(huge_compound_pages, "mm.page_alloc.huge") {
    Result<Page*> huge = alloc_pages(Gfp::HighUserMovable | Gfp::Comp | Gfp::NoWarn, 9);
    if (!huge.ok()) return;  // there may be none
    EXPECT(is_aligned(pfn_of(*huge.value()).raw(), 512));
    EXPECT_EQ(&compound_head(huge.value()[511]), huge.value());
    put_page(huge.value()[300]);
}

TEST(blocks_split_into_pages, "mm.page_alloc.split") {
    EXPECT(gives_all_back([&] {
        Page& block = *alloc_pages(Gfp::Kernel, 2).take();
        split_page(block, 2);
        for (unsigned i = 0; i < 4; i++) {
            EXPECT_EQ((&block)[i].ref_count.load(), 1u);
            put_page((&block)[i]);
        }
    }));
}

TEST(zones_of_gfp_flags, "mm.page_alloc.zones") {
    for (unsigned order = 0; order < 3; order++) {
        Page& low = *alloc_pages(Gfp::Kernel | Gfp::Dma, order).take();
        EXPECT(phys_of(low) + (kPageSize << order) <= PhysAddr(16 << 20));
        Page& middle = *alloc_pages(Gfp::Kernel | Gfp::Dma32, order).take();
        EXPECT(phys_of(middle) < PhysAddr(u64{4} << 30));
        free_pages(low, order);
        free_pages(middle, order);
    }
}

TEST(zones_add_up, "mm.page_alloc.sizes") {
    u64 present = 0;
    for_each_node([&](Node& node) {
        u64 of_node = 0;
        for (const Zone& zone : node.zones) {
            of_node += zone.present;
            EXPECT(zone.managed <= zone.present && zone.present <= zone.spanned);
            if (zone.present == 0) continue;
            EXPECT(zone.free_pages_now() <= zone.managed);
            EXPECT(zone.watermark[kWmarkMin] <= zone.watermark[kWmarkLow]);
            EXPECT(zone.watermark[kWmarkLow] <= zone.watermark[kWmarkHigh]);
            EXPECT_EQ(&zone_of(page_of(zone.start)), &zone);
        }
        EXPECT_EQ(of_node, node.present);
        present += of_node;
        EXPECT(node.zonelist[kZoneNormal][0] != nullptr);
    });
    EXPECT(present >= total_pages());
}

// Every fallback is tried before an allocation fails: here, all of one zone list.
TEST(zonelist_is_followed, "mm.page_alloc.fallback") {
    for_each_node([&](Node& node) {
        const Node* last = &node;
        unsigned nodes_seen = 1;
        for (Zone** at = node.zonelist[kZoneNormal]; *at != nullptr; at++) {
            const Zone& zone = **at;
            if (zone.node != last) nodes_seen++;  // each is visited once
            last = zone.node;
            if (at[1] != nullptr && at[1]->node == zone.node) EXPECT(at[1]->index < zone.index);
        }
        EXPECT(nodes_seen <= nr_nodes);
        for (unsigned i = 0; i < nr_nodes; i++) {
            Result<Page*> page = alloc_pages_node(i, Gfp::Kernel | Gfp::ThisNode | Gfp::NoWarn, 0);
            if (!page.ok()) continue;
            EXPECT_EQ(node_of(*page.value()).id, i);
            put_page(*page.value());
        }
    });
    EXPECT(alloc_pages_node(nr_nodes, Gfp::Kernel, 0).error() == EINVAL);
}

// Takes small blocks of the DMA zone alone until there are no more: nobody sleeps, nobody reclaims,
// what is left is the reserve, and urgent callers get a part of that.
TEST(atomic_allocations, "mm.page_alloc.atomic") {
    constexpr Gfp kNoWait = Gfp::NoWait | Gfp::Dma | Gfp::NoWarn;
    Page* chain = nullptr;
    u64 normal = 0, urgent = 0;
    {
        IrqOffGuard guard;  // whoever slept here would panic
        const auto take = [&](Gfp gfp, u64& count) {
            Result<Page*> page = alloc_page(gfp);
            if (!page.ok()) return false;
            page.value()->private_data = reinterpret_cast<u64>(chain);
            chain = page.value();
            count++;
            return true;
        };
        while (take(kNoWait, normal)) {
        }
        while (take(Gfp::Atomic | Gfp::Dma | Gfp::NoWarn, urgent)) {
        }
    }
    const Zone& zone = *local_node().zonelist[kZoneDma][0];
    EXPECT(normal > 0);
    EXPECT(urgent > 0);
    EXPECT(urgent <= zone.watermark[kWmarkMin]);
    EXPECT(zone.free_pages_now() > 0);  // some is left even then, for those who free memory
    while (chain != nullptr) {
        Page& page = *chain;
        chain = reinterpret_cast<Page*>(page.private_data);
        put_page(page);
    }
}

TEST(kmap_any_page, "mm.highmem") {
    const u64 mapped = kmap_count();
    Page& page = *alloc_page(Gfp::HighUser).take();
    auto* const words = static_cast<u64*>(kmap(page));
    words[7] = 0x1234;
    {
        IrqOffGuard guard;
        void* const again = kmap_local(page);
        EXPECT_EQ(static_cast<u64*>(again)[7], 0x1234u);
        EXPECT_EQ(kmap_count(), mapped + 2);
        kunmap_local(again);
    }
    kunmap(page);
    EXPECT_EQ(kmap_count(), mapped);
    put_page(page);
}

static void free_what_is_not_free(TestContext& test) {
    const u64 bad = bad_page_count();
    Page& page = *alloc_page(Gfp::Kernel).take();
    put_page(page);
    put_page(page);  // nobody had it
    EXPECT_EQ(bad_page_count(), bad + 1);
    free_pages(page, 0);
    EXPECT_EQ(bad_page_count(), bad + 2);

    Page& shared = *alloc_pages(Gfp::Kernel, 1).take();
    shared.ref_count.store(2);
    free_pages(shared, 1);  // somebody else uses it
    EXPECT_EQ(bad_page_count(), bad + 3);
    shared.ref_count.store(1);
    shared.map_count.store(1);
    free_pages(shared, 1);
    EXPECT_EQ(bad_page_count(), bad + 4);
    shared.map_count.store(0);
    shared.ref_count.store(1);  // refused, so ours again
    free_pages(shared, 1);
    EXPECT_EQ(bad_page_count(), bad + 4);
}
TEST(impossible_pages_are_lost, "mm.page_alloc.bad") {
    EXPECT(gives_all_back([&] { free_what_is_not_free(test); }));
}

namespace {

/// One thread of the stress test: blocks of random orders, each filled with a mark of its own.
struct Stress {
    static constexpr unsigned kHeld = 24, kSteps = 400, kThreads = 8;
    u64 seed = 0;
    std::atomic<bool> done{false};
    u32 errors = 0;

    static void run(void* argument) { static_cast<Stress*>(argument)->work(); }

    void work() {
        struct Held {
            Page* page;
            unsigned order;
        } held[kHeld] = {};
        TestRandom random(seed);
        for (unsigned step = 0; step < kSteps; step++) {
            Held& slot = held[random.below(kHeld)];
            if (slot.page != nullptr) {
                give(slot.page, slot.order);
                slot.page = nullptr;
            } else {
                slot.order = unsigned(random.below(5));
                slot.page = take(slot.order, random);
            }
        }
        for (Held& slot : held) {
            if (slot.page != nullptr) give(slot.page, slot.order);
        }
        done.store(true, std::memory_order_release);
    }
    u64 mark_of(const Page* page) const { return pfn_of(*page).raw() ^ seed << 32; }

    Page* take(unsigned order, TestRandom& random) {
        static constexpr Gfp kKinds[] = {Gfp::Kernel, Gfp::Atomic, Gfp::HighUserMovable,
                                         Gfp::Kernel | Gfp::Reclaimable, Gfp::Kernel | Gfp::Comp};
        Result<Page*> page = alloc_pages(kKinds[random.below(5)] | Gfp::NoWarn, order);
        if (!page.ok()) return nullptr;
        for (u64 i = 0; i < u64{1} << order; i++) {
            *bytes_of<u64>(page.value()[i]) = mark_of(page.value() + i);
        }
        return page.value();
    }
    void give(Page* page, unsigned order) {
        for (u64 i = 0; i < u64{1} << order; i++) {
            errors += *bytes_of<u64>(page[i]) != mark_of(page + i);
        }
        free_pages(*page, order);
    }
};

}  // namespace

// Threads on all processors take and give blocks of random orders: no two ever get the same page,
// and in the end all is there again.
TEST(allocations_never_overlap, "mm.page_alloc.stress") {
    static TestForever<Stress, Stress::kThreads> room;
    Stress* const stress = room.make();
    const u64 bad = bad_page_count();
    for (unsigned i = 0; i < Stress::kThreads; i++) {
        stress[i].seed = test.seed * Stress::kThreads + i + 1;
        Result<sched::Task*> made = sched::kthread_create(Stress::run, &stress[i], "page_stress");
        REQUIRE(made.ok());
        sched::wake_up_new_task(*made.value());
    }
    for (unsigned i = 0; i < Stress::kThreads; i++) {
        for (u32 n = 0; n < 20'000 && !stress[i].done.load(std::memory_order_acquire); n++) {
            sched::msleep(1);
        }
        EXPECT(stress[i].done.load());
        EXPECT_EQ(stress[i].errors, 0u);
    }
    EXPECT_EQ(bad_page_count(), bad);
}

// What waits on the processors' lists comes back when it is wanted.
TEST(lists_are_drained, "mm.page_alloc.drain") {
    drain_all_pages();
    u64 waiting = 0;
    for_each_zone([&](Zone& zone) {
        for_each_cpu(online_cpus, [&](unsigned cpu) { waiting += zone.pageset[cpu].count; });
    });
    EXPECT(waiting < 256);  // others go on working meanwhile
    put_page(*alloc_page(Gfp::Kernel).take());
}

}  // namespace mm
