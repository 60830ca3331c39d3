/// PageTrace: a million page allocations and frees as a machine at work makes them, for
/// measurements of fragmentation. The same seed gives the same trace, on any machine.
///
/// Four processors, and on each of them one owner of memory at a time, that grows in bursts:
///     processes  of 16 to 2047 pages, which exit at once         movable; page tables unmovable
///     files      of 1 to 511 pages, which are dropped at once    movable
/// A processor leaves its owner for a new one when that has all it wants, or waits and comes back
/// to it later. Nothing is freed until memory is full; then the owner goes that has done nothing
/// for longest or, one time in four, any. Meanwhile the kernel frees in another order than it
/// allocates:
///     objects    256 of orders 0 to 3 at any time, replaced at random, unmovable and reclaimable
#pragma once

#include "mm/page_alloc/test_zone.h"

namespace mm {

class PageTrace {
public:
    static constexpr u64 kOperations = 1'000'000, kSeed = 5;

    /// Not destroyed: make it with TestForever, and start it.
    void start(TestZone& zone, u64 seed) {
        it_ = &zone;
        random_ = TestRandom(seed);
        for (PerCpuPages& pcp : pcps_) size_pageset(pcp, zone.frames, kCpus);
        for (unsigned cpu = 0; cpu < kCpus; cpu++) current_[cpu] = new_owner();
    }

    /// At least `operations` takes and gives, then gives until half of the memory is free.
    void run(u64 operations) {
        while (done_ < operations) step();
        for (unsigned cpu = 0; cpu < kCpus; cpu++) drain(cpu);
        while (it_->zone.free_pages_now() < it_->frames / 2) {
            drop_somebody(0);
            drain(0);
        }
    }
    u64 done() const { return done_; }

    /// The frames that are free in blocks of at least this order, in percent of all free ones.
    u64 percent_free_in(unsigned order) const {
        u64 large = 0;
        for (unsigned o = order; o <= kMaxOrder; o++) large += it_->free_blocks(o) << o;
        return large * 100 / it_->zone.free_pages_now();
    }

private:
    static constexpr u32 kCpus = 4, kOwners = 1024, kObjects = 256;

    struct Owner {
        Page* pages = nullptr;  // a list through private_data
        u64 count = 0, wanted = 0;
        u64 last_use = 0;
        bool is_file = false;
    };
    struct Block {
        Page* page = nullptr;
        unsigned order = 0;
    };

    void step() {
        const auto cpu = u32(random_.below(kCpus));
        if (free_pages() < it_->frames / 25) {
            while (free_pages() < it_->frames * 2 / 25) drop_somebody(cpu);
        }
        if (random_.one_in(8)) return change_object(cpu);
        Owner& owner = owners_[current_[cpu]];
        owner.last_use = done_;
        const u64 burst = owner.is_file ? 32 : 1 + random_.below(64);
        for (u64 i = 0; i < burst && owner.count < owner.wanted; i++) {
            const bool is_table = !owner.is_file && owner.count % 512 == 0;
            Page* page = take(cpu, 0, is_table ? MigrateType::Unmovable : MigrateType::Movable);
            if (page == nullptr) return drop_somebody(cpu);
            page->private_data = reinterpret_cast<u64>(owner.pages);
            owner.pages = page;
            owner.count++;
        }
        if (owner.count >= owner.wanted) {
            if (!owner.is_file && !random_.one_in(4)) drop(cpu, owner);
            current_[cpu] = new_owner();
        } else if (random_.one_in(32)) {
            current_[cpu] = u32(random_.below(kOwners));
        }
    }

    u32 new_owner() {
        for (u32 i = 0; i < kOwners; i++) {
            Owner& owner = owners_[i];
            if (owner.pages != nullptr) continue;
            owner.is_file = random_.one_in(2);
            owner.wanted = owner.is_file ? 1 + random_.below(511) : 16 + random_.below(2032);
            owner.count = 0;
            owner.last_use = done_;
            return i;
        }
        return u32(random_.below(kOwners));
    }

    /// An object of the kernel comes where another one goes.
    void change_object(u32 cpu) {
        Block& object = objects_[random_.below(kObjects)];
        if (object.page != nullptr) give(cpu, *object.page, object.order);
        constexpr unsigned kOrders[8] = {0, 0, 0, 0, 1, 1, 2, 3};
        object.order = kOrders[random_.below(8)];
        const bool shrinks = random_.one_in(3);
        object.page =
            take(cpu, object.order, shrinks ? MigrateType::Reclaimable : MigrateType::Unmovable);
        if (object.page == nullptr) drop_somebody(cpu);
    }

    void drop_somebody(u32 cpu) {
        Owner* victim = nullptr;
        const bool any = random_.one_in(4);
        const u64 first = random_.below(kOwners);
        for (u64 i = 0; i < kOwners; i++) {
            Owner& owner = owners_[(first + i) % kOwners];
            if (owner.pages == nullptr) continue;
            if (victim == nullptr || owner.last_use < victim->last_use) victim = &owner;
            if (any) break;
        }
        if (victim != nullptr) drop(cpu, *victim);
    }

    void drop(u32 cpu, Owner& owner) {
        while (Page* page = owner.pages) {
            owner.pages = reinterpret_cast<Page*>(page->private_data);
            give(cpu, *page, 0);
        }
        owner.count = 0;
    }

    u64 free_pages() const {
        u64 sum = it_->zone.free_pages_now();
        for (const PerCpuPages& pcp : pcps_) sum += pcp.count;
        return sum;
    }

    /// As the page allocator does: single pages through the lists of a processor.
    Page* take(u32 cpu, unsigned order, MigrateType type) NO_LOCK_ANALYSIS {
        done_++;
        if (order > 0) return it_->zone.rmqueue(order, type);
        PerCpuPages& pcp = pcps_[cpu];
        auto& list = pcp.lists[static_cast<u8>(type)];
        if (list.empty()) pcp.refill(it_->zone, type);
        Page* page = list.pop_front();
        if (page == nullptr) return nullptr;
        pcp.count--;
        if (type == MigrateType::Movable) page->set(kPageAnon);
        return page;
    }
    void give(u32 cpu, Page& page, unsigned order) NO_LOCK_ANALYSIS {
        done_++;
        page.flags.store(0);
        if (order > 0) return it_->give(page, order);
        const MigrateType type = it_->zone.pageblock_type(it_->zone.frame_of(page));
        PerCpuPages& pcp = pcps_[cpu];
        pcp.lists[static_cast<u8>(type)].push_front(page);
        if (++pcp.count > pcp.high) pcp.drain(it_->zone, pcp.high - pcp.batch);
    }
    void drain(u32 cpu) NO_LOCK_ANALYSIS { pcps_[cpu].drain(it_->zone, 0); }

    TestZone* it_ = nullptr;
    TestRandom random_{kSeed};
    PerCpuPages pcps_[kCpus];
    u64 done_ = 0;
    Owner owners_[kOwners];
    u32 current_[kCpus] = {};
    Block objects_[kObjects];
};

}  // namespace mm
