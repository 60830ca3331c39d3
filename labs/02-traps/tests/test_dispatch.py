"""Task 4: numbers, results, tracing."""

from __future__ import annotations

import re
import struct

from programs import ENOSYS, GETPID, GETTID, MASK, error

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

SIZE = 512
WEIGHTS = (3, 5, 7, 11, 13, 17)


def result(handler: int, arguments) -> int:
    """What the probe's handler returns (trap_tables.cc)."""
    mixed = (handler + sum(w * a for w, a in zip(WEIGHTS, arguments))) & MASK
    return mixed if handler % 2 == 0 else -(mixed % 4096) & MASK


def draw_numbers(rng) -> list[int]:
    inside = [0, 1, 510, 511, *(rng.randrange(SIZE) for _ in range(40))]
    outside = [512, 513, 1023, 1024, 4096, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, MASK, *(rng.randrange(SIZE, 1 << 32) for _ in range(20))]
    high = [rng.getrandbits(32) << 32 | rng.choice(inside) for _ in range(20)] + [1 << 63, 0xFFFF_FFFF_0000_0000 | 39]
    return inside + outside + high + [rng.getrandbits(64) for _ in range(10)]


@points(8, task="4", function="handler_of, dispatch", handout="handouts/02-traps.md, task 4", emulators=["qemu"])
def test_dispatch_numbers(direct, rng, emu):
    """every number reaches its handler, every other is ENOSYS, and the result is in rax, all else untouched"""
    for _ in range(3):
        places = rng.randbytes(SIZE)
        calls = [(number, *(rng.getrandbits(64) for _ in range(6))) for number in draw_numbers(rng)]
        answer = direct.ask("trap_dispatch", places + b"".join(struct.pack("<7Q", *call) for call in calls))
        for (number, *arguments), (rax, changed) in zip(calls, struct.iter_unpack("<QI", answer)):
            index = number & 0xFFFFFFFF
            expected = result(places[index] % 8, arguments) if index < SIZE else error(ENOSYS)
            check_equal(rax, expected, f"rax after call {number:#x}")
            check_equal(changed, 0, f"registers other than rax that call {number:#x} changes")


@points(6, task="4", function="handler_of", handout="handouts/02-traps.md, task 4")
def test_dispatch_programs(tool, rng, emu):
    """programs meet the ABI: 32 bits of number, ENOSYS for what is not there, results of all sizes"""
    pid, thread = tool.call((GETPID,), (GETTID,))
    check(1 < pid == thread < 1 << 22, "getpid() and gettid() agree", observed=(pid, thread))
    high = rng.getrandbits(31) << 32
    numbers = [GETPID | high, GETPID | 1 << 63, GETTID | high, 511, 512, 513, 1 << 31, 0xFFFFFFFF, MASK, rng.randrange(512, 1 << 32), high | 512]
    found = tool.call((GETPID,), *((number,) for number in numbers))
    expected = [found[0]] * 3 + [error(ENOSYS)] * (len(numbers) - 3)
    for number, wanted, value in zip(numbers, expected, found[1:]):
        check_equal(value, wanted, f"the result of system call {number:#x}")
    page = rng.randrange(1 << 24, 1 << 34) << 12
    check_equal(tool.call((9, page, 4096, 3, 0x100022, MASK, 0)), [page], "a result of more than 32 bits arrives whole (mmap)")
    check_equal(tool.call((3, 77), (3, 77)), [error(9)] * 2, "close(77) is EBADF")


@points(4, task="4", function="dispatch", handout="handouts/02-traps.md, task 4", requires=["test_dispatch_programs"], emulators=["qemu"])
def test_dispatch_trace(tool, rng, emu):
    """while calls are traced, each leaves a record of its number, arguments and result, and still works"""
    agent, folder = tool.agent, "/sys/kernel/tracing/"
    calls = [(rng.randrange(600, 1 << 31), *(rng.getrandbits(64) for _ in range(6))) for _ in range(8)]
    agent.write_file(folder + "events/raw_syscalls/enable", b"1")
    found = tool.call(*calls, (GETPID,))
    agent.write_file(folder + "events/raw_syscalls/enable", b"0")
    text = agent.read_file(folder + "trace").decode(errors="replace")
    mine = [line for line in text.splitlines() if re.match(rf"(.*-|\s*){found[-1]}\s+\[", line)]
    check(mine, "the program's calls are in the trace", observed=text[-400:])
    records = [(line.split(": ", 2)[1], *(int(value, 0) for value in re.findall(r"=(-?\w+)", line))) for line in mine]
    at = [i for i, record in enumerate(records) if record[:2] == ("sys_enter", calls[0][0])]
    check_equal(len(at), 1, "sys_enter tells the number of the call, once")
    wanted = [row for call in calls for row in (("sys_enter", *call), ("sys_exit", call[0], -ENOSYS))]
    check_equal(records[at[0] :][: len(wanted)], wanted, "each call leaves sys_enter with its arguments and sys_exit with its result")
    check_equal(found[:-1], [error(ENOSYS)] * len(calls), "the traced calls have their results")
