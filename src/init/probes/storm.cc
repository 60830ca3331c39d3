// Deferred work without end, for tests that programs go on all the same.
//
//   storm   in: "softirq", "tasklet" or "work", a space, and for how many ms; out: "begun"
//
// It rages on the processor that asks: each run raises, schedules or queues itself again. Like
// `crash`, this is only for a running kernel.

#include <atomic>

#include "core/softirq/softirq.h"
#include "core/softirq/tasklet.h"
#include "core/time/clock.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "lib/parse.h"
#include "sched/workqueue/workqueue.h"

namespace probes {
namespace {

constexpr u64 kMaxMs = 10'000;

constinit std::atomic<u64> end_ns{0};

bool goes_on() { return time::now_ns() < end_ns.load(std::memory_order_relaxed); }

void softirq_storm() {
    if (goes_on()) softirq::raise(SoftIrq::IrqPoll);
}
constinit Tasklet tasklet_storm{[](Tasklet& self) {
    if (goes_on()) self.schedule();
}};
constinit sched::Work work_storm{[](sched::Work& self) {
    if (goes_on()) sched::schedule_work(self);
}};

void begin_softirqs() {
    softirq::open(SoftIrq::IrqPoll, softirq_storm);
    softirq::raise(SoftIrq::IrqPoll);
}
void begin_tasklets() { tasklet_storm.schedule(); }
void begin_works() { sched::schedule_work(work_storm); }

constexpr struct {
    std::string_view name;
    void (*begin)();
} kStorms[] = {{"softirq", begin_softirqs}, {"tasklet", begin_tasklets}, {"work", begin_works}};

/// EINVAL: no such storm, no number, too long.
Result<usize> run_storm(std::span<const std::byte> in, std::span<std::byte> out) {
    const std::string_view text(reinterpret_cast<const char*>(in.data()), in.size());
    const usize space = text.find(' ');
    if (space == text.npos) return EINVAL;
    const u64 ms = TRY(parse_unsigned(text.substr(space + 1)));
    if (ms > kMaxMs) return EINVAL;
    for (const auto& storm : kStorms) {
        if (storm.name != text.substr(0, space)) continue;
        end_ns = time::now_ns() + ms * time::kNsPerMs;
        storm.begin();
        ByteWriter answer(out);
        answer.put_text("begun");
        return answer.result();
    }
    return EINVAL;
}

PROBE(storm) = {.name = "storm", .run = run_storm};

}  // namespace
}  // namespace probes
