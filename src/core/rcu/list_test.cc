// host-test
// RCU lists as one writer sees them, and what a reader that stands on a removed element sees.

#include "core/rcu/list.h"

#include "lib/test.h"

namespace {

struct Item {
    u32 number = 0;
    RcuListLink link;
    RcuHlistLink hlink;
};
using Items = RcuList<Item, &Item::link>;
using Bucket = RcuHlist<Item, &Item::hlink>;

/// The numbers of a list as decimal digits.
template <class L>
u64 digits(const L& list) {
    u64 value = 0;
    for (const Item& item : list) value = value * 10 + item.number;
    return value;
}

}  // namespace

TEST(rcu_list_order, "core.rcu.list.order") {
    Item items[6];
    for (u32 i = 0; i < 6; i++) items[i].number = i;
    Items list;
    EXPECT(list.empty());
    list.push_back(items[2]);
    list.push_back(items[3]);
    list.push_front(items[1]);
    EXPECT_EQ(digits(list), 123u);
    list.insert_after(items[3], items[4]);
    Items::replace(items[2], items[5]);
    EXPECT_EQ(digits(list), 1534u);
    EXPECT(!items[2].link.is_linked());
    for (u32 i : {1u, 4u, 5u, 3u}) Items::remove(items[i]);
    EXPECT(list.empty());
}

TEST(rcu_hlist_order, "core.rcu.hlist.order") {
    Item items[6];
    for (u32 i = 0; i < 6; i++) items[i].number = i;
    Bucket bucket;
    bucket.push_front(items[3]);
    bucket.push_front(items[1]);
    bucket.insert_after(items[1], items[2]);
    EXPECT_EQ(digits(bucket), 123u);
    Bucket::replace(items[3], items[4]);
    Bucket::remove(items[1]);
    EXPECT_EQ(digits(bucket), 24u);
    Bucket::remove(items[4]);
    Bucket::remove(items[2]);
    EXPECT(bucket.empty());
}

TEST(removed_elements_lead_on, "core.rcu.list.removed") {
    Item items[4];
    for (u32 i = 0; i < 4; i++) items[i].number = i;
    Items list;
    Bucket bucket;
    for (u32 i = 4; i-- > 1;) {
        list.push_front(items[i]);
        bucket.push_front(items[i]);
    }
    auto reader = list.begin();
    auto hreader = bucket.begin();
    ++reader;
    ++hreader;
    Items::remove(items[2]);
    Bucket::remove(items[2]);
    EXPECT_EQ((*reader).number, 2u);
    ++reader;
    ++hreader;
    EXPECT_EQ((*reader).number, 3u);
    EXPECT_EQ((*hreader).number, 3u);
    Items::remove(items[1]);
    Items::remove(items[3]);
    ++reader;
    EXPECT(reader == list.end());
    EXPECT_ASSERTS(Items::remove(items[1]));
    EXPECT_ASSERTS(bucket.push_front(items[3]));
    Bucket::remove(items[1]);
    Bucket::remove(items[3]);
}
