"""Task 5: who is woken, in which order, and no wake-up is lost."""

from __future__ import annotations

import struct

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 5"
SLEEPER, DEEP, AWAKE, CALLBACK, EXCLUSIVE = 0, 1, 2, 3, 16
ONE, SOME, ALL, ONE_INTERRUPTIBLE, ALL_INTERRUPTIBLE = range(5)
MS, ETIMEDOUT = 1_000_000, 110
IRQS_OFF, STILL_QUEUED, RUNG, NOT_RUNNING = 1, 2, 4, 8


class Model:
    """The queue as the contract has it."""

    def __init__(self, kinds):
        self.kinds, self.woken, self.calls = kinds, set(), []
        self.queue: list[int] = []
        for waiter, kind in enumerate(kinds):
            self.queue.insert(len(self.queue) if kind & EXCLUSIVE else 0, waiter)

    def wake(self, limit: int, deep: bool) -> None:
        for waiter in list(self.queue):
            kind = self.kinds[waiter] & 15
            if kind == AWAKE or (kind == DEEP and not deep):
                continue
            if kind == CALLBACK:
                self.calls.append(waiter)
            else:
                self.queue.remove(waiter)
            self.woken.add(waiter)
            if self.kinds[waiter] & EXCLUSIVE:
                limit -= 1
                if limit == 0:
                    return


def check_party(probes, kinds, wakes) -> None:
    answer = probes.ask("sched_wait_queue", bytes([len(kinds), *kinds]) + b"".join(bytes(wake) for wake in wakes))
    model = Model(kinds)
    text = " ".join(f"{['sleeper', 'deep', 'awake', 'callback'][k & 15]}{'!' if k & EXCLUSIVE else ''}" for k in kinds)
    for how, count in wakes:
        deep = how in (ONE, SOME, ALL)
        model.wake({ONE: 1, SOME: count, ONE_INTERRUPTIBLE: 1}.get(how, 1 << 30), deep)
        found, answer = answer[: len(kinds)], answer[len(kinds) :]
        name = ("wake_one", f"wake_some({count})", "wake_all", "wake_one_interruptible", "wake_all_interruptible")[how]
        check_equal([n for n, woken in enumerate(found) if woken], sorted(model.woken), f"who is awake after {name}(), of: {text} (! exclusive)")
    calls = list(answer[1 : 1 + answer[0]])
    check_equal(calls[: len(model.calls)], model.calls, f"the order in which callbacks come, of: {text}")
    errors = answer[1 + answer[0] :]
    check_equal(list(errors), [0] * len(kinds), "sleep_in() says that a wake-up came")


@points(4, task="5", function="WaitQueue::add_locked, wake_waiters", handout=HANDOUT)
def test_wait_queue_order(through_agent, rng, emu):
    """a wake-up reaches all who are not exclusive and as many exclusive ones as it says, those first who came first"""
    for _ in range(10 if emu == "qemu" else 2):
        kinds = [rng.choice([SLEEPER, CALLBACK]) | rng.choice([0, EXCLUSIVE]) for _ in range(rng.randrange(2, 9))]
        wakes = [rng.choice([(ONE, 0), (SOME, rng.randrange(1, 4)), (ONE, 0), (ALL, 0)]) for _ in range(3)]
        check_party(through_agent, kinds, wakes)


@points(4, task="5", function="WaitQueue::wake_waiters", handout=HANDOUT, requires=["test_wait_queue_order"])
def test_wait_queue_passes_over(through_agent, rng, emu):
    """who is awake already, or sleeps too deep for this wake-up, does not use it up"""
    for _ in range(10 if emu == "qemu" else 2):
        kinds = [rng.choice([SLEEPER, DEEP, AWAKE, AWAKE]) | rng.choice([0, EXCLUSIVE, EXCLUSIVE]) for _ in range(rng.randrange(3, 9))]
        kinds[rng.randrange(len(kinds))] = SLEEPER | EXCLUSIVE
        wakes = [rng.choice([(ONE, 0), (ONE_INTERRUPTIBLE, 0), (ALL_INTERRUPTIBLE, 0), (SOME, 2)]) for _ in range(3)]
        check_party(through_agent, kinds, wakes)


@points(4, task="5", function="WaitQueue::sleep_in, prepare_to_wait", handout=HANDOUT)
def test_wait_queue_window(through_agent, rng, emu):
    """a wake-up that comes while the sleeper goes to sleep is not lost; without one the deadline ends the sleep"""
    for _ in range(6 if emu == "qemu" else 2):
        answer = through_agent.ask("sched_window", struct.pack("<QB", 80 * MS, 1))
        error, took, seen = struct.unpack("<IQB", answer)
        check(error == 0 and took < 60 * MS, "a wake-up between the test and the sleep is not lost",
              expected="0, after some microseconds", observed=f"errno {error}, {took} ns")  # fmt: skip
        check_equal(seen, IRQS_OFF | RUNG, "afterwards: interrupts are off (1), nobody is queued (2), the alarm came (4), the state is R (8)")
    patience = rng.randrange(5 * MS, 15 * MS)
    error, took, seen = struct.unpack("<IQB", through_agent.ask("sched_window", struct.pack("<QB", patience, 0)))
    check_equal(error, ETIMEDOUT, "without a wake-up, the deadline ends the sleep")
    check(patience <= took < patience + 10 * MS, "at its time", expected=patience, observed=took)
    check_equal(seen, IRQS_OFF, "afterwards: interrupts are off (1), nobody is queued (2), no alarm (4), the state is R (8)")
