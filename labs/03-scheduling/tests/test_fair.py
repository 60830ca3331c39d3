"""Task 3: the timeline and the fair class, asked directly."""

from __future__ import annotations

import struct

import bench
from bench import (BATCH, DEQUEUE, ENQUEUE, FORK, FORK_FIRST, IDLE, LATENCY, LEAST, MIGRATE, NOBODY, OTHER, PICK, PREEMPTS, PUT,
                   REQUEUE, SET_MIN, SLEEP, SLICE, SWITCH, TICK, WAKEUP, WAKEUP_LEAST, WHY_MIGRATE, YIELD, Script, signed)  # fmt: skip

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 3"
NEAR_THE_END = (1 << 64) - 500  # virtual time wraps around


@points(4, task="3", function="Timeline::insert, erase; FairClass::pick_next, put_prev", handout=HANDOUT, emulators=["qemu"])
def test_timeline_order(direct, rng, emu):
    """tasks are picked in the order of their virtual times, equals in that of their coming, also where time wraps"""
    for base in (0, NEAR_THE_END, 1 << 63, rng.getrandbits(64)):
        script, waiting, came, expected = Script(), {}, 0, {}
        free = list(range(16))
        for task in range(16):
            script.new(task)
        for _ in range(220):
            if waiting and (not free or rng.random() < 0.45):
                if rng.random() < 0.5:
                    task = rng.choice(sorted(waiting))
                    at = script(DEQUEUE, task)
                else:
                    at = script(PICK)
                    task = min(waiting, key=lambda t: waiting[t])
                    expected[at] = task
                    script(SLEEP)
                del waiting[task]
                free.append(task)
            else:
                task = free.pop(rng.randrange(len(free)))
                place = rng.choice([rng.randrange(1000), rng.randrange(8)])
                script.new(task, vruntime=base + place)
                at = script(ENQUEUE, task, REQUEUE)
                waiting[task] = (place, came)
                came += 1
                expected[at] = None
        said = script.ask(direct)
        for at, task in expected.items():
            if task is not None:
                check_equal(said[at].result, task, f"the task that is picked (virtual times from {base:#x} on)")
        left = [outcome.waiting for outcome in said]
        check(NOBODY & 0xFFFFFFFF not in left, "the timeline has the same tasks forwards and backwards")
        check_equal(said[-1].waiting, len(waiting), "tasks that wait in the end")
        check_equal(said[-1].nr_running, len(waiting), "tasks that are counted in the end")


@points(2, task="3", function="Timeline::insert, erase", handout=HANDOUT, requires=["test_timeline_order"], emulators=["qemu"])
def test_timeline_steps(through_agent, emu):
    """insert() and erase() cost as much as the logarithm of how many wait, whatever the order in which they came"""
    few, many = (struct.unpack("<Q", through_agent.ask("sched_timeline", struct.pack("<I", n)))[0] for n in (16, 4096))
    check(many < 4 * few, "among 4,096 tasks a step costs at most four times as much as among 16", expected=f"< {4 * few}", observed=many)


@points(3, task="3", function="FairClass::update_curr, update_min_vruntime", handout=HANDOUT, emulators=["qemu"])
def test_fair_charge(direct, rng, emu):
    """virtual time advances by real time divided by weight; min_vruntime follows the least, and never goes back"""
    for base in (1 << 40, NEAR_THE_END - 2_000_000):
        script, checks = Script(), []
        script(SET_MIN, z=base)
        vruntime = {}
        for task in range(6):
            policy = IDLE if task == 5 else OTHER
            nice = rng.randrange(-20, 20)
            vruntime[task] = (rng.randrange(1_000_000), bench.weight_of(policy, nice))  # since `base`
            script.new(task, policy, nice, vruntime=base + vruntime[task][0])
            script(ENQUEUE, task, REQUEUE)
        for _ in range(40):
            script(PICK)
            least = min(vruntime, key=lambda t: vruntime[t][0])
            place, weight = vruntime[least]
            for _ in range(rng.randrange(1, 4)):
                delta = rng.choice([rng.randrange(1, 5_000_000), rng.randrange(1, 100), rng.randrange(1, 1 << 32)])
                place += delta * 1024 / weight
                lowest = min([place] + [v for t, (v, _) in vruntime.items() if t != least])
                checks.append((script.run(delta), place, lowest, weight))
            vruntime[least] = (place, weight)
            script(PUT)
        said = script.ask(direct)
        floor = said[0].min_vruntime
        for at, place, lowest, weight in checks:
            found = signed(said[at].vruntime - base)
            near = 50 + place / 1_000_000  # fractions may be rounded as one likes
            check(abs(found - place) <= near, f"how far the vruntime of a task of weight {weight} has come", expected=int(place), observed=found)
            check(signed(said[at].min_vruntime - floor) >= 0, "min_vruntime never goes back")
            floor = said[at].min_vruntime
            found = signed(floor - base)
            check(abs(found - lowest) <= near, "min_vruntime is the least vruntime of all who are ready", expected=int(lowest), observed=found)


@points(2, task="3", function="update_min_vruntime", handout=HANDOUT, requires=["test_fair_charge"], emulators=["qemu"])
def test_fair_minimum(direct, rng, emu):
    """a task that sleeps or leaves does not hold min_vruntime back, and one that comes does not pull it back"""
    for _ in range(6):
        script, base = Script(), rng.getrandbits(50)
        script(SET_MIN, z=base)
        places = sorted(base + rng.randrange(1_000, 9_000_000) for _ in range(4))
        for task, place in enumerate(places):
            script.new(task, vruntime=place)
            script(ENQUEUE, task, REQUEUE)
        first = script(DEQUEUE, 0)
        script(PICK)
        script(SLEEP)
        script(PICK)
        later = script.run(10_000)
        early = script.new(5, vruntime=base - 50_000_000)
        script(ENQUEUE, 5, REQUEUE)
        behind = script.run(10_000)
        said = script.ask(direct)
        check(signed(said[first].min_vruntime - places[1]) <= 0, "min_vruntime does not pass anybody who is ready")
        check_equal(said[later].min_vruntime, min(places[2] + 10_000, places[3]), "min_vruntime when the two least have left")
        check(signed(said[behind].min_vruntime - said[later].min_vruntime) >= 0, "min_vruntime never goes back", observed=early)


@points(4, task="3", function="place, FairClass::migrate", handout=HANDOUT, emulators=["qemu"])
def test_fair_place(direct, rng, emu):
    """new tasks begin one slice behind, sleepers are compensated but not without limit, moved ones keep their lead"""
    for _ in range(12):
        script, base = Script(), rng.choice([rng.getrandbits(60), 1 << 40])
        nices = [rng.randrange(-10, 11) for _ in range(4)]
        weights = [bench.weight_of(OTHER, nice) for nice in nices]
        script(SET_MIN, z=base)
        for task in range(2):
            script.new(task, nice=nices[task], vruntime=base + 1000 * task)
            script(ENQUEUE, task, REQUEUE)
        load = weights[0] + weights[1]
        slice_of = max(LATENCY, 2 * LEAST) * weights[2] // load * 1024 // weights[2]
        script.new(2, nice=nices[2], vruntime=rng.getrandbits(64))
        forked = script(ENQUEUE, 2, FORK)
        script(DEQUEUE, 2)
        before = rng.randrange(-40_000_000, 40_000_000)
        script.new(3, nice=nices[3], vruntime=base + before)
        woken = script(ENQUEUE, 3, WAKEUP)
        script(DEQUEUE, 3)
        script.new(4, vruntime=rng.getrandbits(64))
        switched = script(ENQUEUE, 4, SWITCH)
        script(DEQUEUE, 4)
        script.new(5, vruntime=base + before)
        moved = script(ENQUEUE, 5, WHY_MIGRATE)
        script(DEQUEUE, 5)
        here, there = rng.getrandbits(62), rng.getrandbits(62)
        script.new(6, vruntime=here + before)
        migrated = script(MIGRATE, 6, z=here, w=there)
        said = script.ask(direct)
        check(abs(signed(said[forked].vruntime - base - slice_of)) <= 16, "a new task waits one slice of its own behind min_vruntime",
              expected=slice_of, observed=signed(said[forked].vruntime - base))  # fmt: skip
        check_equal(signed(said[woken].vruntime - base), max(before, -LATENCY // 2),
                    "a task that wakes up is where it was, but at most half of latency_ns before min_vruntime")  # fmt: skip
        check_equal(said[switched].vruntime, base, "who comes from another class begins at min_vruntime")
        check_equal(signed(said[moved].vruntime - base), before, "who was moved is where migrate() has put it")
        check_equal(signed(said[migrated].vruntime - there), before, "migrate() keeps the distance from min_vruntime")


@points(2, task="3", function="place", handout=HANDOUT, requires=["test_fair_place"], emulators=["qemu"])
def test_fair_child_first(direct, rng, emu):
    """a child that shall run first takes its parent's place, and the parent pays a slice for it"""
    for _ in range(6):
        script, base = Script(), rng.getrandbits(50)
        nice = rng.randrange(-10, 11)
        weight = bench.weight_of(OTHER, nice)
        script(SET_MIN, z=base)
        script.new(0, nice=nice, vruntime=base)
        script(ENQUEUE, 0, REQUEUE)
        script(PICK)
        script.new(1, nice=nice)
        born = script(ENQUEUE, 1, FORK_FIRST)
        parent = script.run(0)
        script(PUT)
        picked = script(PICK)
        said = script.ask(direct)
        check_equal(said[born].vruntime, base, "the child is where its parent was")
        check(abs(signed(said[parent].vruntime - base) - LATENCY * 1024 // weight) <= 16, "the parent has moved back by a slice of its own",
              expected=LATENCY * 1024 // weight, observed=signed(said[parent].vruntime - base))  # fmt: skip
        check_equal(said[picked].result, 1, "the child runs before its parent")


@points(3, task="3", function="slice_of, FairClass::task_tick", handout=HANDOUT, emulators=["qemu"])
def test_fair_tick(direct, rng, emu):
    """a tick ends who has had its slice, spares who has not, and bothers nobody who is alone"""
    for count in (1, 2, 3, 5, 8, 12, 15):
        nices = [rng.randrange(-5, 6) for _ in range(count)]
        weights = [bench.weight_of(OTHER, nice) for nice in nices]
        slices = [max(LATENCY, count * LEAST) * weight // sum(weights) for weight in weights]
        for task in range(min(count, 4)):
            script = Script()
            for other in range(count):  # all far ahead in virtual time, so that only the slice counts
                script.new(other, nice=nices[other], vruntime=0 if other == task else 1 << 40)
                script(ENQUEUE, other, REQUEUE)
            told = script(SLICE, task)
            script(PICK)
            script.run(slices[task] - 200)
            early = script(TICK)
            script.run(400)
            late = script(TICK)
            said = script.ask(direct)
            check(abs(signed(said[told].result - slices[task])) <= 16, f"the slice of a task of weight {weights[task]} among {weights}",
                  expected=slices[task], observed=said[told].result)  # fmt: skip
            check_equal(said[early].result, 0, "a task goes on that has not had its slice")
            check_equal(said[late].result, int(count > 1), "a task that has had its slice gives way, unless it is alone")


@points(2, task="3", function="FairClass::task_tick", handout=HANDOUT, requires=["test_fair_tick"], emulators=["qemu"])
def test_fair_tick_behind(direct, rng, emu):
    """who has overtaken the first by more than a slice gives way before its slice is over, but not at once"""
    for _ in range(5):
        script = Script()
        lead = rng.randrange(20_000_000, 60_000_000)
        for task in range(3):
            script.new(task, vruntime=lead)
            script(ENQUEUE, task, REQUEUE)
        script(PICK)
        script.new(5, vruntime=0)
        script(ENQUEUE, 5, REQUEUE)
        script.run(LEAST - 10_000)
        soon = script(TICK)
        script.run(20_000)
        behind = script(TICK)
        said = script.ask(direct)
        check_equal(said[soon].result, 0, "nobody is interrupted before min_granularity_ns")
        check_equal(said[behind].result, 1, "who is far ahead of the first gives way")


@points(3, task="3", function="FairClass::preempts, yield", handout=HANDOUT, emulators=["qemu"])
def test_fair_preempts(direct, rng, emu):
    """a woken task takes over if it is far enough behind; BATCH and IDLE wait; IDLE gives way; yield lets the first go first"""
    for nice in (0, 0, -5, 5, rng.randrange(-10, 10)):
        least = WAKEUP_LEAST * 1024 // bench.weight_of(OTHER, nice)
        for lead, policy, running, expected in (
            (least + 300, OTHER, OTHER, 1), (least - 300, OTHER, OTHER, 0), (-5_000_000, OTHER, OTHER, 0),
            (50 * least, BATCH, OTHER, 0), (1 << 50, IDLE, OTHER, 0), (-5_000_000, OTHER, IDLE, 1),
            (-5_000_000, BATCH, IDLE, 1), (1 << 50, IDLE, IDLE, 0),
        ):  # fmt: skip
            script, base = Script(), 1 << 52
            script.new(0, running, vruntime=base)
            script(ENQUEUE, 0, REQUEUE)
            script(PICK)
            script.new(1, policy, nice, vruntime=base - lead)
            script(ENQUEUE, 1, REQUEUE)
            at = script(PREEMPTS, 1)
            check_equal(script.ask(direct)[at].result, expected,
                        f"whether a woken task (policy {policy}, nice {nice}) that is {lead} ns behind replaces one of policy {running}")  # fmt: skip
    for ahead in (-7, -1, 0, 1, 3_000_000):
        script, base = Script(), 1 << 45
        for task, place in enumerate((base, base + 10, base + 20)):
            script.new(task, vruntime=place)
            script(ENQUEUE, task, REQUEUE)
        script(PICK)
        script.run(10 + ahead if ahead >= -10 else 0)
        script(YIELD)
        script(PUT)
        at = script(PICK)
        check_equal(script.ask(direct)[at].result, 1, "who yields lets the first of the others go first")
