"""Programs as the tests need them: raw system calls, and machine code that raises exceptions.

What labtool reports are raw numbers; most of them depend on addresses and arguments drawn for this run.
"""

from __future__ import annotations

import dataclasses
import struct

from vitrine_grader.failure import Failure, check_equal

MASK = (1 << 64) - 1
ENOSYS, EFAULT = 38, 14
READ, WRITE, PIPE, GETPID, RT_SIGPROCMASK, UNAME, GETPPID, GETTID, CLOCK_GETTIME = 0, 1, 22, 39, 14, 63, 110, 186, 228
MMAP = 9


def error(number: int) -> int:
    """-errno as it stands in a register."""
    return -number & MASK


@dataclasses.dataclass(frozen=True)
class Signal:
    """What a handler found; all 0 if there was none."""

    number: int
    code: int
    address: int
    trap: int
    error: int
    rip: int
    cr2: int


class Tool:
    """/sbin/labtool, run by the agent."""

    def __init__(self, agent):
        self.agent = agent

    def _run(self, *argv: str, stdin: bytes = b"") -> bytes:
        done = self.agent.run(("/sbin/labtool", *argv), stdin=stdin)
        if done.exit_code != 0:
            raise Failure(f"a program (labtool {argv[0]}) runs to its end", "exit code 0", done.describe())
        return done.stdout

    def call(self, *calls: tuple[int, ...]) -> list[int]:
        """rax after each of the calls: a number and up to six arguments."""
        rows = [struct.pack("<7Q", *(value & MASK for value in (*call, 0, 0, 0, 0, 0, 0)[:7])) for call in calls]
        said = self._run("call", stdin=b"".join(rows))
        check_equal(len(said), 8 * len(calls), "each system call comes back, once")
        return [value for (value,) in struct.iter_unpack("<Q", said)]

    def cost(self) -> tuple[int, int]:
        """Instructions of a null system call, and of a timer interrupt. On QEMU only."""
        return struct.unpack("<2Q", self._run("cost"))

    def execute(self, page: int, code: bytes) -> Signal:
        """Runs code that stands at the end of `page`."""
        said = self._run("execute", f"{page:x}", code.hex())
        check_equal(len(said), 56, "the program's handler runs and reports")
        numbers = struct.unpack("<Qq5Q", said)
        return Signal(*numbers)
