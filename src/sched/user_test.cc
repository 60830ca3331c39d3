// The table of users.

#include "sched/user.h"
#include "lib/test.h"

namespace sched {

TEST(one_struct_for_each_user, "sched.user.find") {
    constexpr u32 kNobody = 0xfff0'0001, kSameBucket = kNobody + 64;
    Ref<UserStruct> first = find_user(kNobody).take();
    Ref<UserStruct> again = find_user(kNobody).take();
    Ref<UserStruct> other = find_user(kSameBucket).take();
    EXPECT(first.get() == again.get() && first.get() != other.get());
    EXPECT_EQ(first->uid, kNobody);
    EXPECT_EQ(first->processes.load(), 0u);
    first->processes.fetch_add(3);
    EXPECT(has_too_many_processes(*again, 2) && !has_too_many_processes(*again, 3));
    again.reset();
    first.reset();
    Ref<UserStruct> fresh = find_user(kNobody).take();  // the old one went with its last reference
    EXPECT_EQ(fresh->processes.load(), 0u);
}

TEST(root_is_never_too_many, "sched.user.root") {
    Ref<UserStruct> root = find_user(0).take();
    root->processes.fetch_add(1);
    EXPECT(!has_too_many_processes(*root, 0));
    root->processes.fetch_sub(1);
}

}  // namespace sched
