// host-test
#include "lib/xarray.h"

#include "lib/test.h"

namespace {

constexpr u64 kMaxIndex = ~u64{0};

/// Nodes from a fixed pool, which can be told to run dry, and which counts.
struct Pool {
    static constexpr usize kNodes = 160;
    XaNode nodes[kNodes];
    bool used[kNodes] = {};
    usize in_use = 0;
    usize allocations_left = ~usize{0};

    static void* alloc(void* context) {
        Pool& pool = *static_cast<Pool*>(context);
        if (pool.allocations_left == 0) return nullptr;
        pool.allocations_left--;
        for (usize i = 0; i < kNodes; i++) {
            if (pool.used[i]) continue;
            pool.used[i] = true;
            pool.in_use++;
            // Contents do not matter, the contract says: so make them bad.
            for (void*& slot : pool.nodes[i].slots) slot = &pool;
            pool.nodes[i].count = 99;
            return &pool.nodes[i];
        }
        return nullptr;
    }
    static void free(void* node, void* context) {
        Pool& pool = *static_cast<Pool*>(context);
        const usize i = static_cast<usize>(static_cast<XaNode*>(node) - pool.nodes);
        ASSERT(i < kNodes && pool.used[i]);
        pool.used[i] = false;
        pool.in_use--;
    }
    XaNodeSource source() { return {alloc, free, this}; }
};

TestForever<Pool, 1> pool_storage;
Pool& fresh_pool() { return *pool_storage.make(); }

void* entry(u64 number) { return reinterpret_cast<void*>((number + 1) * 8); }

/// The naive model: a short array of index and entry, sorted by index.
struct Model {
    static constexpr usize kMax = 40;
    struct Pair {
        u64 index;
        void* entry;
    } at[kMax];
    usize size = 0;

    usize lower(u64 index) const {
        usize i = 0;
        while (i < size && at[i].index < index) i++;
        return i;
    }
    Pair* get(u64 index) {
        const usize i = lower(index);
        return i < size && at[i].index == index ? &at[i] : nullptr;
    }
    void store(u64 index, void* value) {
        if (Pair* pair = get(index)) {
            pair->entry = value;
            return;
        }
        const usize place = lower(index);
        for (usize i = size++; i > place; i--) at[i] = at[i - 1];
        at[place] = {index, value};
    }
    void erase(u64 index) {
        usize i = lower(index);
        for (size--; i < size; i++) at[i] = at[i + 1];
    }
};

bool same(const XArray& array, const Model& model) {
    u64 at = 0;
    usize i = 0;
    for (void* found = array.find(at); found; found = array.find_after(at), i++) {
        if (i >= model.size || at != model.at[i].index || found != model.at[i].entry) return false;
        if (array.load(at) != found) return false;
    }
    return i == model.size && array.empty() == (model.size == 0);
}

/// Indices that meet: small, around powers of 64, at the very end, anywhere.
u64 pick_index(TestRandom& random) {
    switch (random.below(4)) {
    case 0: return random.below(70);
    case 1: return (u64{1} << (6 * random.below(11))) + random.below(3) - 1;
    case 2: return kMaxIndex - random.below(66);
    default: return random.next() >> random.below(64);
    }
}

}  // namespace

TEST(xarray_behaves_like_a_map, "lib.xarray.model") {
    static Model model;
    Pool& pool = fresh_pool();
    const XaNodeSource source = pool.source();
    XArray array;
    model.size = 0;
    TestRandom random(test.seed);
    for (u64 round = 0; round < 20000; round++) {
        const bool known = model.size > 0 && random.one_in(2);
        const u64 index = known ? model.at[random.below(model.size)].index : pick_index(random);
        // A pool that runs dry now and then: a failed store must change nothing.
        pool.allocations_left = random.one_in(3) ? random.below(12) : ~usize{0};
        const bool growing = round / 400 % 2 == 0;
        if (model.get(index) && !(growing && random.one_in(2))) {
            EXPECT_EQ(array.erase(index, source), model.get(index)->entry);
            model.erase(index);
        } else if (model.size < Model::kMax) {
            const usize before = pool.in_use;
            if (array.store(index, entry(round), source).ok()) {
                model.store(index, entry(round));
            } else {
                EXPECT_EQ(pool.in_use, before);
                EXPECT(pool.allocations_left == 0 || pool.in_use + 11 > Pool::kNodes);
            }
        }
        EXPECT(same(array, model));
        u64 from = pick_index(random);
        const usize next = model.lower(from);
        void* const found = array.find(from);
        EXPECT_EQ(found, next < model.size ? model.at[next].entry : nullptr);
        if (found) EXPECT_EQ(from, model.at[next].index);
    }
    while (model.size > 0) {
        array.erase(model.at[0].index, source);
        model.erase(model.at[0].index);
    }
    EXPECT(array.empty());
    EXPECT_EQ(pool.in_use, 0);
}

TEST(xarray_is_only_as_high_as_needed, "lib.xarray.height") {
    Pool& pool = fresh_pool();
    const XaNodeSource source = pool.source();
    XArray array;
    EXPECT(array.store(63, entry(1), source).ok());
    EXPECT_EQ(pool.in_use, 1);
    EXPECT(array.store(64, entry(2), source).ok());
    EXPECT_EQ(pool.in_use, 3);
    EXPECT(array.store(kMaxIndex, entry(3), source).ok());
    EXPECT_EQ(pool.in_use, 3 + 9 + 10);  // a chain up from the old root, and one down
    EXPECT_EQ(array.erase(kMaxIndex, source), entry(3));
    EXPECT_EQ(pool.in_use, 3);
    array.erase(64, source);
    EXPECT_EQ(pool.in_use, 1);
    array.erase(63, source);
    EXPECT_EQ(pool.in_use, 0);
    EXPECT(array.store(kMaxIndex, entry(3), source).ok());
    EXPECT_EQ(pool.in_use, 11);
    array.clear(source);
    EXPECT(array.empty() && pool.in_use == 0);
}

TEST(xarray_insert_keeps_what_is_there, "lib.xarray.insert") {
    Pool& pool = fresh_pool();
    const XaNodeSource source = pool.source();
    XArray array;
    EXPECT(array.insert(5, entry(1), source).ok());
    EXPECT_EQ(array.insert(5, entry(2), source).error(), EEXIST);
    EXPECT_EQ(array.load(5), entry(1));
    EXPECT(array.store(5, entry(2), source).ok());
    EXPECT_EQ(array.load(5), entry(2));
    EXPECT(array.erase(6, source) == nullptr && array.erase(1 << 20, source) == nullptr);
    pool.allocations_left = 0;
    EXPECT_EQ(array.insert(100, entry(3), source).error(), ENOMEM);
    EXPECT(array.load(100) == nullptr);
    array.clear(source);
}

TEST(xarray_find_at_the_edges, "lib.xarray.find") {
    Pool& pool = fresh_pool();
    const XaNodeSource source = pool.source();
    XArray array;
    u64 at = 0;
    EXPECT(array.find(at) == nullptr);
    EXPECT(array.store(0, entry(1), source).ok());
    EXPECT(array.store(kMaxIndex, entry(2), source).ok());
    EXPECT(array.find(at) == entry(1) && at == 0);
    EXPECT(array.find_after(at) == entry(2) && at == kMaxIndex);
    EXPECT(array.find_after(at) == nullptr && at == kMaxIndex);
    array.erase(kMaxIndex, source);
    at = 77;
    EXPECT(array.find(at) == nullptr && at == 77);
    array.clear(source);
}

// Sixty-four neighbours and one far away: a loop that erases what it visits.
TEST(xarray_erasing_while_visiting, "lib.xarray.erase_loop") {
    Pool& pool = fresh_pool();
    const XaNodeSource source = pool.source();
    XArray array;
    for (u64 i = 30; i < 94; i++) EXPECT(array.store(i, entry(i), source).ok());
    EXPECT(array.store(u64{1} << 40, entry(7), source).ok());
    u64 at = 0, visited = 0;
    for (void* found = array.find(at); found; found = array.find_after(at)) {
        EXPECT_EQ(array.erase(at, source), found);
        visited++;
    }
    EXPECT_EQ(visited, 65);
    EXPECT(array.empty() && pool.in_use == 0);
}
