"""Task 6: which processor, and fairness over all of them; programs on several processors.

These run on Bochs, whatever the others run on: it lets each processor go on a few instructions in turn,
always the same. QEMU in virtual time runs one processor for as long as nothing happens, while time passes
for all; there, how far programs get says more of it than of the scheduler.
"""

from __future__ import annotations

from bench import IDLE
from loads import SLEEP, SPIN, Tool, Worker

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 6"
ALL = 0xF


@points(4, task="6", function="select_task_rq, pull_task", handout=HANDOUT, emulators=["qemu"])
def test_balance_idle(boot, emu):
    """programs that begin on one processor spread to those that have nothing to do"""
    done = Tool(boot(driver="bochs", mem=96, smp=4).agent).load(100, [Worker(before=1, cpus=ALL) for _ in range(4)])
    soon = [sum(result.buckets[3:]) for result in done]
    check(min(soon) > 0.7 * max(soon), "after 30 ms, four programs on four processors get the same", observed=soon)


@points(4, task="6", function="find_busiest, find_balancing, rebalance", handout=HANDOUT, emulators=["qemu"])
def test_balance_busy(boot, rng, emu):
    """while all processors are busy, the load is evened out: nobody is left behind on a crowded one"""
    # Each processor has something of its own that keeps it busy, so that none ever pulls for want of work.
    own = [Worker(IDLE, cpus=1 << cpu) for cpu in range(4)]
    crowd = [Worker(before=1, cpus=ALL) for _ in range(8)]
    done = Tool(boot(driver="bochs", mem=96, smp=4).agent).load(800, own + crowd)
    late, others = [result.late() for result in done[4:]], [result.late() for result in done[:4]]
    mean = sum(late) / len(late)
    check(sum(late) > 10 * sum(others), "eight programs leave no processor to those that run only when there is nothing else",
          expected=f"> {10 * sum(others)}", observed=sum(late))  # fmt: skip
    check(min(late) > 0.6 * mean and max(late) < 1.6 * mean, "eight equal programs on four processors get about the same", observed=late)


@points(4, task="6", function="find_balancing", handout=HANDOUT, emulators=["qemu"])
def test_balance_weights(boot, rng, emu):
    """load is weight: a heavy program has a processor to itself, and the light ones share the others"""
    workers = [Worker(nice=-10, before=1, cpus=3), *(Worker(before=1, cpus=3) for _ in range(4))]
    own = [Worker(IDLE, cpus=1 << cpu) for cpu in range(2)]
    done = Tool(boot(driver="bochs", mem=96, smp=2).agent).load(900, own + workers)
    late = [result.late() for result in done[2:]]
    check(late[0] > 3 * max(late[1:]), "a program of nice -10 gets a processor, four of nice 0 share the other", observed=late)
    check(min(late[1:]) > 0.4 * max(late[1:]), "and the light ones get the same", observed=late)


@points(3, task="6", function="find_movable, select_task_rq, find_balancing", handout=HANDOUT, emulators=["qemu"])
def test_balance_affinity(boot, rng, emu):
    """nobody is ever seen on a processor that it may not use, however uneven the load becomes"""
    masks = [1, 1, 1, 2, 2, *(rng.choice([1, 2, 3, 4, 8, 6, 12]) for _ in range(5))]
    kinds = [SPIN] * 5 + [SLEEP] * 5  # so that some processors are idle now and then, beside crowded ones
    workers = [Worker(cpus=mask, kind=kind, period_us=1500) for mask, kind in zip(masks, kinds)]
    for mask, result in zip(masks, Tool(boot(driver="bochs", mem=96, smp=4).agent).load(300, workers)):
        check_equal(bin(result.cpus & ~mask), "0b0", f"processors outside of {mask:#06b} on which a program was seen")
        check(result.rounds > 0, "every program gets on")


@points(3, task="3", function="FairClass", handout="handouts/03-scheduling.md, task 3")
def test_fair_shares(patient_tool, rng, emu):
    """equal programs get equal shares, within 2 %; nice 0 and nice 5 get 1024:335, within 5 %; nobody starves"""
    count = rng.randrange(3, 6)
    done = patient_tool.load(2000 if emu == "qemu" else 200, [Worker() for _ in range(count)], bucket_ms=50)
    rounds = [result.rounds for result in done]
    mean = sum(rounds) / count
    bound = 0.02 if emu == "qemu" else 0.12
    check(max(abs(one - mean) for one in rounds) <= bound * mean, f"{count} equal programs get the same, within 2 %", observed=rounds)
    if emu != "qemu":
        return
    heavy, light = patient_tool.load(2000, [Worker(), Worker(nice=5)], bucket_ms=50)
    ratio = heavy.rounds / max(light.rounds, 1)
    check(abs(ratio * 335 / 1024 - 1) <= 0.05, "nice 0 and nice 5 share a processor as 1024 to 335", expected="3.06", observed=f"{ratio:.3f}")
    *many, least = patient_tool.load(500, [*(Worker(nice=-5) for _ in range(3)), Worker(nice=19)], bucket_ms=250)
    check(least.rounds > 0, "nice 19 among three of nice -5 gets on, too", observed=[result.rounds for result in many])


def measure_pairs(tool, measure, threads: int, steps: int) -> None:
    took, wakes = tool.pairs(threads, steps)
    check_equal(wakes, threads * steps, "every thread is woken as often as it should be")
    measure(round(took / wakes))


@points(0, emulators=["qemu"], requires=["test_switch_programs"], metric="instructions per wake-up and switch, 4 ready tasks")
def test_cost_of_switch_few(tool, measure, emu):
    """one thread wakes another and sleeps, with four ready at any time"""
    measure_pairs(tool, measure, 8, 400)


@points(0, emulators=["qemu"], requires=["test_switch_programs"], metric="instructions per wake-up and switch, 400 ready tasks")
def test_cost_of_switch_many(tool, measure, emu):
    """the same with four hundred"""
    measure_pairs(tool, measure, 800, 20)


@points(0, emulators=["qemu"], requires=["test_fair_shares"], metric="fairness error, millionths")
def test_cost_of_fairness(patient_tool, measure, emu):
    """how far five equal programs are from a fifth each after two seconds, at most"""
    rounds = [result.rounds for result in patient_tool.load(2000, [Worker() for _ in range(5)], bucket_ms=50)]
    mean = sum(rounds) / len(rounds)
    measure(round(max(abs(one - mean) for one in rounds) / mean * 1_000_000) + 1)
