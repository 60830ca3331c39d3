"""Task 2: who goes on, and when."""

from __future__ import annotations

import struct

from loads import BURST, SLEEP, Tool, Worker

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 2"
INTERRUPTIBLE, UNINTERRUPTIBLE, KILLABLE = 1, 2, 258
US, MS = 1000, 1_000_000
WOKEN, PREEMPTED, NOTHING = range(3)


@points(4, task="2", function="try_to_wake_up, wake_from_sleep", handout=HANDOUT)
def test_wake_states(through_agent, rng, emu):
    """a wake-up ends sleeps in the states that it names, and no others; it says whether it did"""
    cases = [(state, states) for state in (INTERRUPTIBLE, UNINTERRUPTIBLE, KILLABLE) for states in (1, 2, 3, 4, 256)]
    rng.shuffle(cases)
    cases = cases if emu == "qemu" else cases[:5]
    answer = through_agent.ask("sched_wake", b"".join(struct.pack("<II", *case) for case in cases))
    for (state, states), (said, went_on, again, then) in zip(cases, struct.iter_unpack("<4B", answer)):
        what = f"sleeping in state {state:#x}, woken with {states:#x}"
        check_equal(said, int(state & states != 0), f"what try_to_wake_up() says; {what}")
        check_equal(went_on, said, f"whether the thread goes on; {what}")
        check_equal(again, 0, f"a second wake-up finds nobody asleep; {what}")
        check_equal(then, 0, f"the state with which it goes on; {what}")


@points(5, task="2", function="put_away, wake_on_queue", handout=HANDOUT)
def test_schedule_gap(through_agent, emu):
    """between setting its state and schedule() a task may be woken or preempted: it must not sleep then"""
    for what, name in ((WOKEN, "a wake-up that comes before schedule() is not lost"),
                       (PREEMPTED, "a task that is preempted before it has called schedule() goes on")):  # fmt: skip
        for _ in range(4):
            took, rescued = struct.unpack("<QB", through_agent.ask("sched_gap", struct.pack("<BQ", what, 60 * MS)))
            check(not rescued and took < 50 * MS, name, expected="after some microseconds", observed=f"{took} ns")
    took, rescued = struct.unpack("<QB", through_agent.ask("sched_gap", struct.pack("<BQ", NOTHING, 20 * MS)))
    check(rescued and took >= 20 * MS, "a task that nobody wakes sleeps", expected="20 ms", observed=f"{took} ns")


@points(4, task="2", function="preempt_schedule_irq, schedule_once", handout=HANDOUT)
def test_schedule_preempts(through_agent, rng, emu):
    """who is more urgent runs as soon as the interrupt that woke it ends, or preemption is allowed again; others wait"""
    work = 20 * MS
    for _ in range(3):
        late, meanwhile, _ = struct.unpack("<QBB", through_agent.ask("sched_preempt", struct.pack("<BBQ", rng.randrange(1, 99), 0, work)))
        check(meanwhile and late < (200 * US if emu == "qemu" else 4 * MS), "an urgent thread runs as soon as an interrupt has woken it",
              expected="within 200 us", observed=f"{late} ns")  # fmt: skip
        late, meanwhile, early = struct.unpack("<QBB", through_agent.ask("sched_preempt", struct.pack("<BBQ", rng.randrange(1, 99), 1, work)))
        check_equal(early, 0, "nobody else runs while preemption is off")
        check(meanwhile and 9 * MS < late < 13 * MS, "it runs as soon as preemption is allowed again", expected="10 ms", observed=f"{late} ns")


@points(3, task="2", function="schedule_once", handout=HANDOUT)
def test_schedule_latency(tool, rng, emu):
    """a program that sleeps much runs soon after its alarm, among others that never sleep"""
    spinners = rng.randrange(3, 6)
    workers = [Worker() for _ in range(spinners)] + [Worker(kind=SLEEP, period_us=rng.randrange(7_000, 9_000))]
    *_, sleeper = tool.load(400 if emu == "qemu" else 120, workers, bucket_ms=40)
    check(sleeper.rounds > (40 if emu == "qemu" else 8), "the sleeper keeps its period", observed=sleeper.rounds)
    worst = max(sleeper.buckets[1:])
    check(worst < (1 if emu == "qemu" else 6) * MS, "it never waits long for the processor", expected="< 1 ms", observed=f"{worst} ns")


@points(2, task="2", function="schedule_once", handout=HANDOUT, emulators=["qemu"])
def test_schedule_charges(tool, rng, emu):
    """who sleeps a moment before each tick pays for what it has had all the same"""
    sly, honest = tool.load(800, [Worker(kind=BURST, period_us=rng.randrange(1_500, 2_000)), Worker()])
    share = sly.rounds / (sly.rounds + honest.rounds)
    check(share < 0.65, "the share of a program that never runs until the tick", expected="about a half", observed=f"{share:.3f}")
    check(share > 0.25, "and it gets on", observed=f"{share:.3f}")


@points(2, task="2", function="put_away, schedule_once", handout=HANDOUT, emulators=["qemu"])
def test_schedule_leaves(boot, rng, emu):
    """a program leaves a processor that it may not use any more, at once, wherever it runs"""
    agent = boot(driver="bochs", mem=96, smp=3).agent
    allowed = [1 << rng.randrange(3) for _ in range(6)]
    workers = [Worker(before=rng.choice([1, 2, 4]), cpus=cpus) for cpus in allowed]
    for cpus, done in zip(allowed, Tool(agent).load(120, workers)):
        check_equal(bin(done.cpus), bin(cpus), "the processors on which a program was seen after it was sent elsewhere")
        check(done.rounds > 0, "and it runs there")
