// provoke-crash/DIRECT: write the name of a mistake, and the kernel makes it. It should not
// survive: the tests look at what it says. For root only. Linux: drivers/misc/lkdtm.
#include "core/time/hrtimer.h"
#include "fs/debugfs/files.h"
#include "sched/sched.h"

namespace debugfs {
namespace {

volatile u64 deepest = ~u64{0};
volatile u64 sink;

/// Does not end before the stack does; the compiler cannot know, nor turn it into a loop.
[[gnu::noinline]] u64 recurse(u64 depth) {
    volatile u64 room[64];
    room[depth % 64] = depth;
    return depth == deepest ? 0 : recurse(depth + 1) + room[depth % 64];
}

time::Restart exhaust_stack(time::HrTimer&) {
    sink = recurse(0);
    return time::Restart::No;
}
time::Restart sleep_in_irq(time::HrTimer&) {
    sched::schedule();
    return time::Restart::No;
}

struct Mistake {
    const char* name;
    time::HrTimer::Function make;  // in an interrupt
};
constexpr Mistake kMistakes[] = {
    {"EXHAUST_IRQ_STACK", exhaust_stack},
    {"SLEEP_IN_IRQ", sleep_in_irq},
};

Result<void> show_mistakes(libfs::SeqFile& out, void*) {
    out.print("Available crash types:\n");
    for (const Mistake& mistake : kMistakes) out.print("%s\n", mistake.name);
    return {};
}

Result<void> make_mistake(std::string_view text, void*) {
    text = libfs::trim(text);
    for (const Mistake& mistake : kMistakes) {
        if (text != mistake.name) continue;
        time::HrTimer timer{mistake.make};
        timer.start(1000, time::TimerMode::RelativePinned);
        while (timer.is_active()) arch::cpu_relax();
        return {};
    }
    return EINVAL;
}
constexpr libfs::TextNode kDirect{"DIRECT", 0600, show_mistakes, make_mistake};

}  // namespace

Result<void> add_provoke_crash(libfs::Tree& tree) {
    return tree.add_text(*TRY(tree.add_dir(tree.root(), "provoke-crash", 0700)), kDirect);
}

}  // namespace debugfs
