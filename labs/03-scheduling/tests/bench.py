"""Orders for the probe sched_classes, and a model of what should come of them.

The model knows contracts, not code: where a contract leaves something open (how a fraction is rounded,
when exactly min_vruntime moves up), so does the model.
"""

from __future__ import annotations

import dataclasses
import struct

NEW, ENQUEUE, DEQUEUE, PICK, PUT, SLEEP, RUN, TICK, PREEMPTS, YIELD, MIGRATE, SET_MIN, SLICE, THROTTLE = range(14)
WAKEUP, FORK, FORK_FIRST, WHY_MIGRATE, REQUEUE, SWITCH = range(6)
OTHER, FIFO, RR, BATCH, IDLE = 0, 1, 2, 3, 5
NOBODY = (1 << 64) - 1
MASK = (1 << 64) - 1
LATENCY, LEAST, WAKEUP_LEAST, RR_SLICE = 6_000_000, 750_000, 1_000_000, 100_000_000
WEIGHTS = (
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501,
    1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
)  # fmt: skip


def signed(value: int) -> int:
    """As a number of 64 bits with a sign."""
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


def weight_of(policy: int, nice: int) -> int:
    return 3 if policy == IDLE else WEIGHTS[nice + 20]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the probe says after an order."""

    result: int
    vruntime: int
    min_vruntime: int
    load: int
    nr_running: int
    waiting: int


class Script:
    """Collects orders, then asks for all at once."""

    def __init__(self):
        self.orders: list[bytes] = []

    def __call__(self, what: int, task: int = 0, x: int = 0, y: int = 0, z: int = 0, w: int = 0) -> int:
        """The place of its outcome."""
        self.orders.append(struct.pack("<BBHIQQ", what, task, x, y, z & MASK, w & MASK))
        return len(self.orders) - 1

    def new(self, task: int, policy: int = OTHER, nice: int = 0, rt: int = 0, vruntime: int = 0) -> int:
        return self(NEW, task, policy, rt if policy in (FIFO, RR) else nice + 20, vruntime)

    def run(self, ns: int, clock: int = 0) -> int:
        return self(RUN, z=ns, w=clock)

    def ask(self, probes) -> list[Outcome]:
        answer = probes.ask("sched_classes", b"".join(self.orders))
        return [Outcome(*row) for row in struct.iter_unpack("<QQQQII", answer)]
