// host-test
// The numbers of grace periods, and how callbacks move from queue to queue.

#include "core/rcu/callback_queue.h"

#include "lib/test.h"

namespace rcu {

TEST(full_period_is_one_that_begins_later, "core.rcu.sequence") {
    EXPECT_EQ(end_of_full_period(0), 2u);  // idle: the next one
    EXPECT_EQ(end_of_full_period(1), 4u);  // in progress: it may be half over
    EXPECT_EQ(end_of_full_period(2), 4u);
    EXPECT(is_reached(4, 4) && is_reached(5, 4) && !is_reached(3, 4));
    EXPECT(is_in_progress(7) && !is_in_progress(8));
}

TEST(callbacks_wait_for_a_full_period, "core.rcu.queue.waits") {
    static constinit RcuHead heads[4];
    CallbackQueue queue;
    EXPECT(!queue.has_work(0));
    EXPECT(!queue.advance(0));
    queue.push(heads[0]);
    EXPECT(queue.has_work(1));
    EXPECT(queue.advance(1));  // in progress: not good enough
    EXPECT_EQ(queue.wanted(), 4u);
    queue.push(heads[1]);
    EXPECT(!queue.advance(2));
    EXPECT(!queue.has_work(3));
    EXPECT(queue.pop_done() == nullptr);
    EXPECT(queue.is_due(4) && queue.has_work(4));
    EXPECT(queue.advance(5));  // the first is done; the second came before 5, in progress
    EXPECT_EQ(queue.wanted(), 8u);
    EXPECT(queue.pop_done() == &heads[0]);
    EXPECT_EQ(queue.length(), 2u);  // it is still being called
    queue.note_called();
    EXPECT(queue.pop_done() == nullptr);
    EXPECT_EQ(queue.length(), 1u);
    queue.push(heads[2]);
    queue.push(heads[3]);
    EXPECT(queue.advance(8));
    EXPECT(queue.pop_done() == &heads[1]);
    EXPECT(!queue.advance(10));
    EXPECT(queue.pop_done() == &heads[2]);
    EXPECT(queue.pop_done() == &heads[3]);
    EXPECT(queue.pop_done() == nullptr && !queue.has_work(12));
    for (int i = 0; i < 3; i++) queue.note_called();
    EXPECT_EQ(queue.length(), 0u);
}

TEST(a_queue_that_ran_empty_works_again, "core.rcu.queue.reuse") {
    static constinit RcuHead head;
    CallbackQueue queue;
    for (u64 now = 0; now < 20; now += 2) {
        queue.push(head);
        EXPECT(queue.advance(now));
        EXPECT(!queue.advance(now + 2));
        EXPECT(queue.pop_done() == &head);
    }
}

}  // namespace rcu
