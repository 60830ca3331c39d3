"""Task 4: the real-time class, asked directly against a model; and programs."""

from __future__ import annotations

from bench import (ENQUEUE, FIFO, NOBODY, OTHER, PICK, PREEMPTS, PUT, REQUEUE, RR, RR_SLICE, SLEEP, THROTTLE, TICK, WAKEUP, YIELD,
                   DEQUEUE, Script)  # fmt: skip
from loads import Worker

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 4"


class Model:
    """Lists by priority; who runs is in none."""

    def __init__(self):
        self.lists: dict[int, list[int]] = {}
        self.priority, self.policy, self.used, self.back = {}, {}, {}, {}
        self.runs: int | None = None

    def waiting(self) -> list[int]:
        return [task for tasks in self.lists.values() for task in tasks]

    def add(self, task: int, at_the_back: bool) -> None:
        tasks = self.lists.setdefault(self.priority[task], [])
        tasks.insert(len(tasks) if at_the_back else 0, task)

    def pick(self) -> int:
        ready = [priority for priority, tasks in self.lists.items() if tasks]
        if not ready:
            return NOBODY
        self.runs = self.lists[max(ready)].pop(0)
        return self.runs

    def put(self) -> None:
        self.add(self.runs, self.back.pop(self.runs, False))
        self.runs = None

    def tick(self) -> int:
        task = self.runs
        if self.policy[task] != RR or self.used[task] < RR_SLICE:
            return 0
        self.used[task] = 0
        self.back[task] = bool(self.lists.get(self.priority[task]))
        return int(self.back[task])


def play(rng, steps: int, priorities) -> tuple[Script, dict[int, int]]:
    """Random orders, and the results that they should have."""
    script, model, expected, free, clock = Script(), Model(), {}, list(range(16)), 0
    for _ in range(steps):
        if model.runs is None and rng.random() < 0.6:
            expected[script(PICK)] = model.pick()
        elif model.runs is not None:
            what = rng.choice(["put", "put", "sleep", "run", "run", "tick", "yield", "preempts"])
            if what == "put":
                model.put()
                script(PUT)
            elif what == "sleep":
                model.used[model.runs] = 0
                model.back.pop(model.runs, None)
                free.append(model.runs)
                model.runs = None
                script(SLEEP)
            elif what == "run":
                ns = rng.choice([30_000_000, 60_000_000, 110_000_000])
                clock += 20 * ns  # so that real-time tasks never use up their share
                model.used[model.runs] += ns
                script.run(ns, clock)
            elif what == "tick":
                expected[script(TICK)] = model.tick()
            elif what == "yield":
                model.back[model.runs] = True
                script(YIELD)
            elif waiting := model.waiting():
                task = rng.choice(waiting)
                expected[script(PREEMPTS, task)] = int(model.priority[task] > model.priority[model.runs])
        if free and rng.random() < 0.5:
            task = free.pop(rng.randrange(len(free)))
            model.priority[task], model.policy[task], model.used[task] = rng.choice(priorities), rng.choice([FIFO, RR]), 0
            script.new(task, model.policy[task], rt=model.priority[task])
            script(ENQUEUE, task, WAKEUP)
            model.add(task, True)
        elif model.waiting() and rng.random() < 0.1:
            task = rng.choice(model.waiting())
            model.lists[model.priority[task]].remove(task)
            free.append(task)
            script(DEQUEUE, task)
    while model.waiting():
        if model.runs is None:
            expected[script(PICK)] = model.pick()
        script(SLEEP)
        model.runs = None
    return script, expected


@points(5, task="4", function="RtClass::pick_next, put_prev, task_tick; insert, remove", handout=HANDOUT, emulators=["qemu"])
def test_rt_order(direct, rng, emu):
    """the most urgent runs; of equals FIFO keeps order, RR takes turns; who was interrupted keeps its place, who yields does not"""
    for priorities in ([10], [1, 99], [35, 36, 37], [1, 2, 35, 36, 63, 64, 98, 99], list(range(1, 100))):
        for _ in range(3):
            script, expected = play(rng, 130, priorities)
            said = script.ask(direct)
            for at, wanted in expected.items():
                check_equal(said[at].result, wanted, f"the outcome of order {at} (who is picked, whether a tick ends a turn, who preempts)")


@points(3, task="4", function="RtClass::pick_next, task_tick", handout=HANDOUT, requires=["test_rt_order"], emulators=["qemu"])
def test_rt_share(direct, rng, emu):
    """real-time tasks come before fair ones, until they have used up their share"""
    for _ in range(4):
        script, clock = Script(), rng.randrange(1 << 40)
        script.new(0, FIFO, rt=rng.randrange(1, 100))
        script(ENQUEUE, 0, WAKEUP)
        script.new(1, OTHER, vruntime=5)
        script(ENQUEUE, 1, REQUEUE)
        first = script(PICK)
        script(THROTTLE, x=1, w=clock)
        over = script(TICK)
        script(PUT)
        second = script(PICK)
        script(PUT)
        script(THROTTLE, x=0, w=clock)
        third = script(PICK)
        script(PUT)
        script(DEQUEUE, 1)
        script(THROTTLE, x=1, w=clock)
        alone = script(PICK)
        said = script.ask(direct)
        check_equal(said[first].result, 0, "a real-time task runs before a fair one")
        check_equal(said[over].result, 1, "a tick ends real-time tasks that have had their share")
        check_equal(said[second].result, 1, "then a fair one runs")
        check_equal(said[third].result, 0, "and when the next period begins, the real-time task again")
        check_equal(said[alone].result, 0, "while nobody else is ready, a real-time task runs in any case")


@points(4, task="4", function="RtClass::put_prev, task_tick", handout=HANDOUT)
def test_rt_programs(tool, rng, emu):
    """of programs on one processor a FIFO one runs first and alone, the more urgent before the less, and fair ones afterwards"""
    step = 100 if emu == "qemu" else 40
    first, second = sorted(rng.sample(range(1, 90), 2))
    workers = [
        Worker(), Worker(nice=-20),
        Worker(FIFO, rt=first, start=2 * step, end=5 * step),
        Worker(FIFO, rt=second, start=3 * step, end=4 * step),
    ]  # fmt: skip
    done = tool.load(6 * step, workers, bucket_ms=step // 10)
    for name, at, who in (("before", (0, 2), (0, 1)), ("the first", (2, 3), (2,)), ("the more urgent", (3, 4), (3,)),
                          ("the first again", (4, 5), (2,)), ("afterwards", (5, 6), (0, 1))):  # fmt: skip
        for worker, result in enumerate(done):
            inner = sum(result.buckets[10 * at[0] + 1 : 10 * at[1] - 1])
            if worker in who and worker != 0:
                check(inner > 0, f"{name}: worker {worker} runs", observed=[sum(d.buckets[10 * at[0] + 1 : 10 * at[1] - 1]) for d in done])
            elif worker not in who:
                check_equal(inner, 0, f"{name}: rounds of worker {worker}, which is not its turn")
