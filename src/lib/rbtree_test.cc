// host-test
#include "lib/rbtree.h"

#include "lib/test.h"

namespace {

struct Item {
    u64 key = 0;
    u64 order = 0;  // of insertion
    RbNode node;
};

struct ByKey {
    bool operator()(const Item& a, const Item& b) const { return a.key < b.key; }
    bool operator()(const Item& a, u64 key) const { return a.key < key; }
    bool operator()(u64 key, const Item& b) const { return key < b.key; }
};
using Tree = RbTree<Item, &Item::node, ByKey>;

constexpr usize kItems = 64;

struct StaticItem {
    u64 key;
    StaticRbNode node;
};
struct ByStaticKey {
    bool operator()(const StaticItem& a, const StaticItem& b) const { return a.key < b.key; }
};
constinit StaticItem static_item{1, {}};
constinit RbTree<StaticItem, &StaticItem::node, ByStaticKey> static_tree;

TestForever<Item, kItems> storage;

/// The naive model: the same elements in a sorted array.
struct Model {
    Item* at[kItems];
    usize size = 0;

    usize lower(u64 key) const {
        usize i = 0;
        while (i < size && at[i]->key < key) i++;
        return i;
    }
    void insert(Item& item) {
        usize place = lower(item.key);
        while (place < size && at[place]->key == item.key) place++;
        for (usize i = size++; i > place; i--) at[i] = at[i - 1];
        at[place] = &item;
    }
    void erase(const Item& item) {
        usize place = 0;
        while (at[place] != &item) place++;
        for (size--; place < size; place++) at[place] = at[place + 1];
    }
    Item* get(usize i) const { return i < size ? at[i] : nullptr; }
};

bool same(const Tree& tree, const Model& model) {
    usize i = 0;
    const Item* before = nullptr;
    for (Item& item : tree) {
        if (model.get(i++) != &item || tree.prev(item) != before) return false;
        before = &item;
    }
    return i == model.size && tree.first() == model.get(0) && tree.last() == before;
}

void clear(Tree& tree) {
    while (tree.pop_first()) {
    }
}

}  // namespace

// Few different keys, so that equal ones are common; sizes swing between empty and full.
TEST(rbtree_behaves_like_a_sorted_array, "lib.rbtree.model") {
    Item* const items = storage.make();
    Tree tree;
    static Model model;
    model.size = 0;
    TestRandom random(test.seed);
    for (u64 round = 0; round < 20000; round++) {
        Item& item = items[random.below(kItems)];
        const bool growing = round / 500 % 2 == 0;
        if (Tree::is_linked(item)) {
            if (growing && !random.one_in(4)) continue;
            tree.erase(item);
            model.erase(item);
        } else {
            if (!growing && !random.one_in(4)) continue;
            item.key = random.below(40);
            tree.insert(item);
            model.insert(item);
        }
        const u64 key = random.below(42);
        EXPECT(same(tree, model) && tree.is_sound());
        EXPECT_EQ(tree.lower_bound(key), model.get(model.lower(key)));
        EXPECT_EQ(tree.upper_bound(key), model.get(model.lower(key + 1)));
        Item* const found = model.get(model.lower(key));
        EXPECT_EQ(tree.find(key), found && found->key == key ? found : nullptr);
    }
    clear(tree);
    EXPECT(tree.empty() && tree.is_sound());
}

TEST(rbtree_keeps_equal_keys_in_order_of_insertion, "lib.rbtree.fifo") {
    Item* const items = storage.make();
    Tree tree;
    for (u64 i = 0; i < kItems; i++) {
        items[i].key = i % 3;
        items[i].order = i;
        tree.insert(items[i]);
    }
    const Item* before = nullptr;
    for (const Item& item : tree) {
        EXPECT(!before || before->key < item.key || before->order < item.order);
        before = &item;
    }
    clear(tree);
}

// Sorted input is the worst case of an unbalanced tree.
TEST(rbtree_stays_flat, "lib.rbtree.height") {
    Item* const items = storage.make();
    Tree tree;
    for (u64 i = 0; i < kItems; i++) {
        items[i].key = i;
        tree.insert(items[i]);
        EXPECT(tree.is_sound());
    }
    for (u64 i = 0; i < kItems; i++) {
        unsigned depth = 0;
        for (const StaticRbNode* at = &items[i].node; at; at = at->parent) depth++;
        EXPECT(depth <= 12);  // 2 * log2(kItems)
    }
    for (u64 i = 0; i < kItems; i++) {  // and in the worst order of removal
        tree.erase(items[i]);
        EXPECT(tree.is_sound());
    }
}

TEST(rbtree_first_where_divides, "lib.rbtree.first_where") {
    Item items[10];
    Tree tree;
    EXPECT(!tree.first() && !tree.last() && !tree.find(u64{3}) && !tree.pop_first());
    for (u64 i = 0; i < 10; i++) {
        items[i].key = 10 * i;
        tree.insert(items[i]);
    }
    EXPECT_EQ(tree.first_where([](const Item& item) { return item.key + 5 > 30; }), &items[3]);
    EXPECT_EQ(tree.first_where([](const Item&) { return true; }), &items[0]);
    EXPECT(tree.first_where([](const Item&) { return false; }) == nullptr);
    clear(tree);
}

TEST(rbtree_can_be_a_constant_initialised_global, "lib.rbtree.constinit") {
    EXPECT(static_tree.empty());
    static_tree.insert(static_item);
    EXPECT_EQ(static_tree.first(), &static_item);
    EXPECT_EQ(static_tree.pop_first(), &static_item);
}

TEST(rbtree_catches_misuse, "lib.rbtree.misuse") {
    static TestForever<Item, 3> storage;  // since an expected failure abandons the stack
    static TestForever<Tree, 1> tree_storage;
    Tree& tree = *tree_storage.make();
    Item* const items = storage.make();
    Item &twice = items[0], &never = items[1], &dying = items[2];
    tree.insert(twice);
    EXPECT_ASSERTS(tree.insert(twice));
    EXPECT_ASSERTS(tree.erase(never));
    EXPECT_ASSERTS(tree.next(never));
    tree.insert(dying);
    EXPECT_ASSERTS(dying.node.~RbNode());
    clear(tree);
}

TEST(rbtree_check_sees_damage, "lib.rbtree.check") {
    Item items[3];
    Tree tree;
    for (Item& item : items) tree.insert(item);
    EXPECT(tree.is_sound());
    using enum StaticRbNode::Color;
    items[0].node.color = Black;  // a way with one black more
    EXPECT(!tree.is_sound());
    items[0].node.color = Red;
    EXPECT(tree.is_sound());
    items[1].key = 7;  // out of order
    EXPECT(!tree.is_sound());
    items[1].key = 0;
    clear(tree);
}
