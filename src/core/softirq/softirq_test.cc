// Softirqs run in order, once per raise, after the interrupt, with interrupts on; what raises
// itself without end leaves room for others.

#include "core/softirq/softirq.h"
#include "core/softirq/bh_spin_guard.h"

#include "core/irq/entry.h"
#include "core/log/printk.h"
#include "core/softirq/internal.h"
#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "lib/string.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/test_wait.h"

namespace softirq {

namespace {

constexpr SoftIrq kLow = SoftIrq::NetTx, kMiddle = SoftIrq::NetRx, kHigh = SoftIrq::IrqPoll;

/// Gives a softirq another action for the time of a test.
class Borrowed {
public:
    Borrowed(SoftIrq number, Action action)
        : number_(unsigned(number)), own_(exchange_action(number_, action)) {}
    ~Borrowed() { exchange_action(number_, own_); }

private:
    const unsigned number_;
    const Action own_;
};

/// What ran, one letter each.
struct Story {
    char text[32] = {};
    u32 length = 0;
    void add(char letter) {
        if (length + 1 < sizeof text) text[length++] = letter;
    }
    void begin() { memset(text, 0, sizeof text), length = 0; }
    std::string_view view() const { return {text, length}; }
};
constinit Story story{};

void note_low() { story.add('l'); }
void note_middle() { story.add('m'); }
void note_high() { story.add('h'); }

struct Seen {
    bool irqs = false, hardirq = false, softirq = false, serving = false, task = false;
    bool sleep = false;
    unsigned cpu = 0;
    std::atomic<u32> runs{0};
};
constinit Seen seen;

void look_around() {
    seen.irqs = arch::irqs_on();
    seen.hardirq = in_hardirq();
    seen.softirq = in_softirq();
    seen.serving = in_serving_softirq();
    seen.task = in_task();
    seen.sleep = may_sleep();
    seen.cpu = cpu_id();
    seen.runs.fetch_add(1);
}

time::Restart raise_in_interrupt(time::HrTimer&) {
    raise_irqoff(kHigh);
    return time::Restart::No;
}

}  // namespace

TEST(softirqs_run_in_order, "core.softirq.order") {
    Borrowed low(kLow, note_low), middle(kMiddle, note_middle), high(kHigh, note_high);
    story.begin();
    {
        BhGuard guard;
        raise(kHigh);
        raise(kLow);
        raise(kMiddle);
        raise(kLow);  // it is raised already
        EXPECT_EQ(story.view(), "");
    }
    EXPECT_EQ(story.view(), "lmh");
}

TEST(raised_meanwhile_runs_in_next_pass, "core.softirq.next_pass") {
    static constinit u32 again = 0;
    again = 1;
    Borrowed low(kLow, note_low), high(kHigh, note_high), middle(kMiddle, [] {
        story.add('m');
        if (again == 0) return;
        again--;
        raise(kMiddle);
        raise(kLow);  // though lower, not before kHigh of this pass
    });
    story.begin();
    {
        BhGuard guard;
        raise(kMiddle);
        raise(kHigh);
    }
    // If the first pass took long, ksoftirqd makes the second.
    EXPECT(sched::comes_true([] { return story.view().size() == 4; }));
    EXPECT_EQ(story.view(), "mhlm");
}

TEST(bh_disable_nests, "core.softirq.bh_disable") {
    Borrowed high(kHigh, note_high);
    story.begin();
    {
        BhGuard outer;
        EXPECT(in_softirq() && !in_serving_softirq() && in_task() && !may_sleep());
        {
            BhGuard inner;
            raise(kHigh);
        }
        EXPECT_EQ(story.view(), "");
        // Nor does the end of an interrupt run it.
        time::HrTimer timer(raise_in_interrupt);
        timer.start(time::now_ns());
        while (timer.is_active()) arch::cpu_relax();
        EXPECT_EQ(story.view(), "");
        EXPECT(pending() != 0);
    }
    EXPECT_EQ(story.view(), "h");
    EXPECT(!in_softirq() && may_sleep());
}

TEST(bh_spin_guard_defers, "core.softirq.bh_spin_guard") {
    static constinit SpinLock lock("test_bh", LockRank::Tasks);
    Borrowed high(kHigh, note_high);
    story.begin();
    {
        BhSpinGuard guard(lock);
        EXPECT(lock.is_held() && arch::irqs_on() && in_softirq());
        raise(kHigh);
        EXPECT_EQ(story.view(), "");
    }
    EXPECT_EQ(story.view(), "h");  // as soon as the lock is released
    EXPECT(!lock.is_locked());
}

TEST(softirq_runs_after_its_interrupt, "core.softirq.after_irq") {
    Borrowed high(kHigh, look_around);
    PreemptGuard stay;
    seen.runs = 0;
    time::HrTimer timer(raise_in_interrupt);
    timer.start(time::now_ns());
    while (timer.is_active() || seen.runs == 0) arch::cpu_relax();
    EXPECT(seen.irqs && seen.softirq && seen.serving);
    EXPECT(!seen.hardirq && !seen.task && !seen.sleep);
    EXPECT_EQ(seen.cpu, cpu_id());
    EXPECT_EQ(seen.runs.load(), 1);
}

TEST(task_leaves_it_to_ksoftirqd, "core.softirq.from_task") {
    Borrowed high(kHigh, look_around);
    seen.runs = 0;
    raise(kHigh);
    EXPECT(sched::comes_true([] { return seen.runs.load() == 1; }));
    EXPECT(seen.irqs && seen.serving && !seen.task);
}

TEST(softirqs_are_counted, "core.softirq.count") {
    Borrowed high(kHigh, [] {
        const u64 begin = time::now_ns();
        while (time::now_ns() - begin < 100 * time::kNsPerUs) arch::cpu_relax();
    });
    PreemptGuard stay;
    const unsigned me = cpu_id();
    const auto busy = [me] { return time_ns(me) + irq::time_ns(me); };  // whatever comes between
    const u64 count_before = count(unsigned(kHigh), me), time_before = time_ns(me);
    const u64 busy_before = busy();
    for (unsigned i = 0; i < 3; i++) {
        BhGuard guard;
        raise(kHigh);
    }
    EXPECT_EQ(count(unsigned(kHigh), me) - count_before, 3u);
    EXPECT(busy() - busy_before >= 300 * time::kNsPerUs);
    EXPECT(time_ns(me) - time_before >= 150 * time::kNsPerUs);
    EXPECT_EQ(std::string_view(name(unsigned(kHigh))), "IRQ_POLL");
}

TEST(preempt_leak_is_reported, "core.softirq.leak") {
    Borrowed high(kHigh, [] { preempt_disable(); });
    const u64 news = log_next_sequence();
    {
        BhGuard guard;
        raise(kHigh);
    }
    EXPECT_EQ(preempt_depth(), 0u);
    static LogRecord record;
    bool told = false;
    for (u64 at = news; log_read(at, record); at = record.sequence + 1) {
        const std::string_view text(record.text, record.length);
        told |= text.find("softirq IRQ_POLL: ") == 0 && text.find("preempt_count") != text.npos;
    }
    EXPECT(told);
}

TEST(same_softirq_on_two_cpus, "core.softirq.parallel") {
    if (online_cpus.count() < 2) return;
    static constinit std::atomic<u32> inside{0}, most{0}, done{0};
    inside = most = done = 0;
    // Each waits inside the action until the other is there as well, or for long.
    Borrowed high(kHigh, [] {
        inside.fetch_add(1);
        const u64 end = time::now_ns() + 10 * time::kNsPerSec;
        while (inside.load() < 2 && time::now_ns() < end) arch::cpu_relax();
        most.fetch_add(inside.load() >= 2);
    });
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sched::Task* task = sched::kthread_create(
                                [](void*) {
                                    {
                                        BhGuard guard;
                                        raise(kHigh);
                                    }
                                    done.fetch_add(1);
                                },
                                nullptr, "raiser")
                                .take();
        sched::kthread_bind(*task, unsigned(__builtin_ctzll(online_cpus.bits())) + cpu);
        sched::wake_up_new_task(*task);
    }
    EXPECT(sched::comes_true([] { return done.load() == 2; }));
    EXPECT_EQ(most.load(), 2u);
}

// Ten passes at once at most, then ksoftirqd does most of it.
TEST(storm_goes_to_ksoftirqd, "core.softirq.storm") {
    static constinit std::atomic<u32> left{0}, here{0}, in_daemon{0};
    left = 5000;
    here = in_daemon = 0;
    Borrowed high(kHigh, [] {
        const bool daemon = memcmp(sched::current().comm, "ksoftirqd/", 10) == 0;
        (daemon ? in_daemon : here).fetch_add(1);
        if (left.load() == 0) return;
        left.fetch_sub(1);
        raise(kHigh);
    });
    {
        BhGuard guard;
        raise(kHigh);
    }
    EXPECT(sched::comes_true([] { return left.load() == 0; }));
    EXPECT(in_daemon.load() > 1000);
}

}  // namespace softirq
