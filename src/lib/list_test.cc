// host-test
#include "lib/list.h"

#include <utility>

#include "lib/test.h"

namespace {

struct Item {
    int value = 0;
    ListLink other;  // so that `link` is not the first member
    ListLink link;
};
using Items = List<Item, &Item::link>;

struct Parent {  // a list of the class inside the class, as in Task
    ListLink sibling;
    List<Parent, &Parent::sibling> children;
};

struct Driver {
    int id;
    StaticListLink link;
};
constinit Driver static_driver{7, {}};
constinit List<Driver, &Driver::link> static_drivers;  // no constructor, no destructor at run time

/// Checks order, both directions, size and ends against the numbers wanted.
template <usize N>
bool holds(const Items& list, const int (&want)[N]) {
    usize i = 0;
    for (Item& item : list) {
        if (i == N || item.value != want[i]) return false;
        i++;
    }
    if (i != N || list.size() != N || list.back()->value != want[N - 1]) return false;
    for (const Item* item = list.back(); item; item = list.prev(*item)) {
        if (item->value != want[--i]) return false;
    }
    return i == 0 && list.front()->value == want[0];
}

struct Numbered {
    Item at[6];
    Numbered() {
        for (int i = 0; i < 6; i++) at[i].value = i;
    }
};

}  // namespace

TEST(list_keeps_order, "lib.list.order") {
    Numbered item;
    Items list;
    EXPECT(list.empty() && !list.front() && !list.back() && !list.pop_front() && !list.pop_back());
    list.push_back(item.at[2]);
    list.push_back(item.at[4]);
    list.push_front(item.at[0]);
    list.insert_before(item.at[2], item.at[1]);
    list.insert_after(item.at[2], item.at[3]);
    list.insert_after(item.at[4], item.at[5]);
    EXPECT(holds(list, {0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(list.next(item.at[3]), &item.at[4]);
    EXPECT(list.next(item.at[5]) == nullptr && list.prev(item.at[0]) == nullptr);

    Items::remove(item.at[2]);
    EXPECT(!Items::is_linked(item.at[2]) && Items::is_linked(item.at[3]));
    EXPECT_EQ(list.pop_front(), &item.at[0]);
    EXPECT_EQ(list.pop_back(), &item.at[5]);
    EXPECT(holds(list, {1, 3, 4}));
    while (list.pop_front()) {
    }
    EXPECT(list.empty());
    EXPECT_EQ(list.size(), 0);
}

TEST(list_splice_moves_everything, "lib.list.splice") {
    Numbered item;
    Items list, more, empty;
    list.splice_back(empty);
    EXPECT(list.empty());
    more.push_back(item.at[2]);
    more.push_back(item.at[3]);
    list.splice_back(more);
    EXPECT(more.empty() && holds(list, {2, 3}));
    more.push_back(item.at[0]);
    more.push_back(item.at[1]);
    list.splice_front(more);
    more.push_back(item.at[4]);
    list.splice_back(more);
    list.splice_front(empty);
    EXPECT(more.empty() && holds(list, {0, 1, 2, 3, 4}));
    while (list.pop_front()) {
    }
}

TEST(list_removable_allows_removal, "lib.list.removable") {
    Numbered item;
    Items list;
    for (Item& each : item.at) list.push_back(each);
    for (Item& each : list.removable()) {
        if (each.value % 2 == 0) Items::remove(each);
    }
    EXPECT(holds(list, {1, 3, 5}));
    for (Item& each : list.removable()) Items::remove(each);
    EXPECT(list.empty());
}

TEST(list_two_links_are_independent, "lib.list.two_links") {
    Numbered item;
    Items list;
    List<Item, &Item::other> others;
    list.push_back(item.at[0]);
    list.push_back(item.at[1]);
    others.push_back(item.at[1]);
    others.push_back(item.at[0]);
    EXPECT_EQ(list.front(), &item.at[0]);
    EXPECT_EQ(others.front(), &item.at[1]);
    item.at[1].other.unlink();
    EXPECT(holds(list, {0, 1}));
    EXPECT_EQ(others.pop_front(), &item.at[0]);
    list.pop_front();
    list.pop_front();

    Parent parent, child;
    parent.children.push_back(child);
    EXPECT_EQ(parent.children.pop_front(), &child);
}

TEST(list_can_be_a_constant_initialised_global, "lib.list.constinit") {
    EXPECT(static_drivers.empty());
    static_drivers.push_back(static_driver);
    EXPECT_EQ(static_drivers.front()->id, 7);
    EXPECT_EQ(static_drivers.pop_front(), &static_driver);
}

TEST(list_catches_misuse, "lib.list.misuse") {
    static TestForever<Item, 3> storage;  // since an expected failure abandons the stack
    static TestForever<Items, 1> list_storage;
    Items& list = *list_storage.make();
    Item* const items = storage.make();
    Item &twice = items[0], &never = items[1], &dying = items[2];
    list.push_back(twice);
    EXPECT_ASSERTS(list.push_back(twice));
    EXPECT_ASSERTS(Items::remove(never));
    list.push_back(dying);
    EXPECT_ASSERTS(dying.link.~ListLink());
    list.pop_front();
    list.pop_front();
}

// Random operations against an array that is kept in order by hand.
TEST(list_behaves_like_an_array, "lib.list.model") {
    constexpr usize kItems = 12;
    Item items[kItems];
    Items list;
    Item* model[kItems];
    usize size = 0;
    TestRandom random(test.seed);
    for (int round = 0; round < 5000; round++) {
        Item& item = items[random.below(kItems)];
        if (Items::is_linked(item)) {
            usize at = 0;
            while (model[at] != &item) at++;
            for (size--; at < size; at++) model[at] = model[at + 1];
            Items::remove(item);
        } else {
            const usize place = random.below(size + 1);
            if (place == size) {
                list.push_back(item);
            } else {
                list.insert_before(*model[place], item);
            }
            for (usize at = size++; at > place; at--) model[at] = model[at - 1];
            model[place] = &item;
        }
        usize at = 0;
        for (Item& each : list) EXPECT(at < size && &each == model[at++]);
        EXPECT_EQ(at, size);
    }
    while (list.pop_front()) {
    }
}
