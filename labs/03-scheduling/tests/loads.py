"""Programs as the tests need them: what /sbin/schedtool starts, and the work that each got done.

Work is rounds of a loop that the program counts itself, so a kernel cannot claim it.
"""

from __future__ import annotations

import dataclasses
import struct

from bench import FIFO, OTHER, RR

from vitrine_grader.failure import Failure, check_equal

SPIN, SLEEP, BURST = 0, 1, 2
SECOND = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Worker:
    """One process; times in ms since the common moment."""

    policy: int = OTHER
    nice: int = 0
    rt: int = 0
    kind: int = SPIN
    before: int = 0  # processors until the common moment; 0: as later
    cpus: int = 1
    start: int = 0
    end: int = 1 << 40
    period_us: int = 0

    def row(self) -> bytes:
        number = self.rt if self.policy in (FIFO, RR) else self.nice + 20
        before = self.before or self.cpus
        return struct.pack("<8Q", self.policy, number, self.kind, before, self.cpus, self.start, self.end, self.period_us)


@dataclasses.dataclass(frozen=True)
class Done:
    """What it did."""

    cpus: int  # a bit for each processor on which it was seen
    rounds: int
    buckets: tuple[int, ...]

    def late(self) -> int:
        """Rounds in the second half, when the scheduler has had time to put things right."""
        return sum(self.buckets[len(self.buckets) // 2 :])


class Tool:
    """/sbin/schedtool, run by the agent."""

    def __init__(self, agent):
        self.agent = agent

    def _run(self, *argv: object, stdin: bytes = b"", limit_ns: int = 20 * SECOND) -> tuple[int, ...]:
        words = ("/sbin/schedtool", *map(str, argv))
        done = self.agent.run(words, stdin=stdin, limit_ns=limit_ns)
        if done.exit_code != 0:
            raise Failure(f"a program (schedtool {argv[0]}) runs to its end", "exit code 0", done.describe())
        return struct.unpack(f"<{len(done.stdout) // 8}Q", done.stdout)

    def load(self, length_ms: int, workers: list[Worker], bucket_ms: int = 10) -> list[Done]:
        """Runs all of them for so long."""
        words = self._run("load", length_ms, bucket_ms, stdin=b"".join(worker.row() for worker in workers))
        size = 3 + length_ms // bucket_ms
        check_equal(len(words), size * len(workers), "every worker comes back")
        rows = [words[i : i + size] for i in range(0, len(words), size)]
        for row in rows:
            check_equal(row[2], 0, "errno when a worker sets its policy and processors")
        return [Done(row[0], row[1], row[3:]) for row in rows]

    def keep(self, workers: int, length_ms: int, seed: int) -> list[tuple[int, int]]:
        """(looks, registers lost) of each worker."""
        words = self._run("keep", workers, length_ms, seed)
        return list(zip(words[::2], words[1::2]))

    def pairs(self, threads: int, steps: int) -> tuple[int, int]:
        """(ns, wake-ups) of threads that wake each other in pairs."""
        return self._run("pairs", threads, steps, limit_ns=60 * SECOND)
