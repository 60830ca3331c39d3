// host-test
#include "lib/ref.h"

#include "lib/test.h"

namespace {

struct Object {
    RefCount ref_count;
    int released = 0;
    Ref<Object> next;  // a class may refer to itself

    static void release(Object* object) { object->released++; }
};
using Objects = Ref<Object>;

}  // namespace

TEST(ref_releases_once_after_the_last, "lib.ref.lifetime") {
    Object object;
    {
        Objects first = Objects::adopt(&object);
        EXPECT_EQ(object.ref_count.value(), 1);
        Objects second = first;
        Objects third = Objects::share(&object);
        EXPECT_EQ(object.ref_count.value(), 3);
        first.reset();
        EXPECT(!first && object.released == 0);
        second = nullptr;
        EXPECT_EQ(object.ref_count.value(), 1);
        EXPECT_EQ(object.released, 0);
        EXPECT_EQ(third.get(), &object);
    }
    EXPECT_EQ(object.released, 1);
}

TEST(ref_moves_without_counting, "lib.ref.move") {
    Object object, other;
    Objects first = Objects::adopt(&object);
    Objects second = std::move(first);
    EXPECT(!first && second == &object && object.ref_count.value() == 1);
    first = std::move(second);
    EXPECT(!second && first == &object && object.ref_count.value() == 1);
    first = *&first;  // to itself
    EXPECT(first == &object && object.ref_count.value() == 1 && object.released == 0);
    first = Objects::adopt(&other);  // drops the old one
    EXPECT_EQ(object.released, 1);
    EXPECT_EQ(first.leak(), &other);
    EXPECT_EQ(other.released, 0);
    Objects again = Objects::adopt(&other);
    EXPECT_EQ(other.ref_count.value(), 1);
}

TEST(ref_null_is_allowed, "lib.ref.null") {
    Objects null = nullptr;
    Objects copy = null;
    EXPECT(!null && copy == null && null == nullptr);
    EXPECT(!Objects::share(nullptr) && !Objects::try_share(nullptr) && !Objects::adopt(nullptr));
    null.reset();
    EXPECT_ASSERTS(null->released);
    EXPECT_ASSERTS((*null).released);
}

TEST(ref_never_revives_the_dead, "lib.ref.revive") {
    Object object;
    Objects::adopt(&object).reset();
    EXPECT_EQ(object.released, 1);
    EXPECT(!Objects::try_share(&object));
    EXPECT_EQ(object.ref_count.value(), 0);
    Object alive;
    EXPECT_EQ(Objects::try_share(&alive).leak()->ref_count.value(), 2);
    EXPECT_ASSERTS(object.ref_count.inc());
    Object dead;
    EXPECT(dead.ref_count.dec_and_test());
    EXPECT_ASSERTS(dead.ref_count.dec_and_test());
}

TEST(ref_count_saturates, "lib.ref.saturate") {
    RefCount count(RefCount::kSaturated - 1);
    count.inc();
    count.inc();
    EXPECT_EQ(count.value(), RefCount::kSaturated);
    EXPECT(!count.dec_and_test() && !count.dec_and_test());
    EXPECT(count.inc_not_zero());
    EXPECT_EQ(count.value(), RefCount::kSaturated);
}

TEST(ref_chain_ends_one_after_the_other, "lib.ref.chain") {
    Object first, second;
    {
        first.next = Objects::adopt(&second);
        Objects head = Objects::adopt(&first);
        EXPECT_EQ(head->next->released, 0);
    }
    EXPECT_EQ(first.released, 1);
    first.next.reset();
    EXPECT_EQ(second.released, 1);
}
