"""Task 1: stacks and registers, seen from outside; and programs that hold on to theirs."""

from __future__ import annotations

import struct

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/03-scheduling.md, task 1"
PRESERVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
OTHERS = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
TRAP_FRAME = 21 * 8
DIRECT = 0xFFFF_8880_0000_0000
ROOM, SIZE = DIRECT + (40 << 20), 16384  # where the tests' stacks lie
WORDS = DIRECT + (48 << 20)  # saved stack pointers, and a TaskState


class Stacks:
    """Tasks made up by the test: each has a stack, and a place where its stack pointer is saved."""

    def __init__(self, direct, symbols, rng):
        self.direct, self.gdb, self.symbols, self.rng = direct, direct.machine.gdb, symbols, rng
        # Where the calls of switch_stacks() return to: any instruction will do, nothing runs there.
        self.homes = [symbols[name] for name in ("upcall::page_fault", "upcall::system_call", "upcall::device_interrupt")]

    def top(self, task: int) -> int:
        return ROOM + (task + 1) * SIZE

    def saved(self, task: int) -> int:
        return struct.unpack("<Q", self.gdb.read(WORDS + 8 * task, 8))[0]

    def draw(self) -> dict[str, int]:
        return {name: self.rng.getrandbits(64) for name in PRESERVED + OTHERS}

    def prepare(self, task: int, entry: int) -> None:
        """prepare_stack(); the stack pointer that it leaves becomes the task's."""
        state = WORDS + 4096
        self.gdb.write(state, bytes(512))
        self.gdb.write(ROOM + task * SIZE, self.rng.randbytes(SIZE))
        frame = self.gdb.read(self.top(task) - TRAP_FRAME, TRAP_FRAME)
        stack = self.top(5) - 8
        self.gdb.write(stack, struct.pack("<Q", self.homes[0]))
        registers = {"rdi": state, "rsi": self.top(task), "rdx": entry, "rsp": stack}
        self.direct.enter("prepare_stack", self.symbols["arch::prepare_stack"], self.homes[0], **registers)
        self.gdb.write(WORDS + 8 * task, self.gdb.read(state, 8))
        check_equal(self.gdb.read(self.top(task) - TRAP_FRAME, TRAP_FRAME), frame,
                    "prepare_stack() leaves the TrapFrame of the program alone")  # fmt: skip
        check(ROOM + task * SIZE <= self.saved(task) <= self.top(task) - TRAP_FRAME,
              "the prepared stack pointer lies in the stack, below the TrapFrame", observed=hex(self.saved(task)))  # fmt: skip

    def switch(self, task: int, to: int, rsp: int, registers: dict[str, int], arrives: int) -> dict[str, int]:
        """`task` calls switch_stacks() with its stack at `rsp`; the registers where that arrives."""
        self.gdb.write(rsp - 8, struct.pack("<Q", self.homes[task]))
        values = {**registers, "rdi": WORDS + 8 * task, "rsi": self.saved(to), "rsp": rsp - 8}
        return self.direct.enter("switch_stacks", self.symbols["switch_stacks"], arrives, **values)


def expect(found: dict[str, int], wanted: dict[str, int], rsp: int, who: str) -> None:
    for name in PRESERVED:
        check_equal(hex(found[name]), hex(wanted[name]), f"{who} finds its {name} as it left it")
    check_equal(hex(found["rsp"]), hex(rsp), f"{who} finds its stack as it left it")


@points(4, task="1", function="prepare_stack", handout=HANDOUT, emulators=["qemu"])
def test_switch_new(direct, symbols, rng, emu):
    """the first switch to a new task begins at new_task_start, with its entry in rbx and its TrapFrame at rsp"""
    stacks = Stacks(direct, symbols, rng)
    for _ in range(4):
        entry = rng.getrandbits(64)
        stacks.prepare(1, entry)
        rsp = stacks.top(0) - 16 * rng.randrange(1, 100)
        found = stacks.switch(0, 1, rsp, stacks.draw(), symbols["new_task_start"])
        check_equal(hex(found["rbx"]), hex(entry), "a new task has its entry in rbx")
        check_equal(found["rbp"], 0, "a new task's frame pointer ends the backtrace")
        check_equal(hex(found["rsp"]), hex(stacks.top(1) - TRAP_FRAME), "a new task stands at its TrapFrame")


@points(5, task="1", function="switch_stacks", handout=HANDOUT, requires=["test_switch_new"], emulators=["qemu"])
def test_switch_registers(direct, symbols, rng, emu):
    """tasks that call switch_stacks() in turn each find their registers and their stack as they left them"""
    stacks = Stacks(direct, symbols, rng)
    at = {}
    held = {}
    for task in (1, 2):
        stacks.prepare(task, rng.getrandbits(64))
        held[0], at[0] = stacks.draw(), stacks.top(0) - 16 * rng.randrange(1, 100)
        stacks.switch(0, task, at[0], held[0], symbols["new_task_start"])
        held[task], at[task] = stacks.draw(), stacks.top(task) - TRAP_FRAME - 16 * rng.randrange(1, 100)
        found = stacks.switch(task, 0, at[task], held[task], stacks.homes[0])
        expect(found, held[0], at[0], "the first task")
    now = 0
    for _ in range(24):
        to = rng.choice([task for task in range(3) if task != now])
        held[now], at[now] = stacks.draw(), at[now] + 16 * rng.randrange(-3, 4)
        note = rng.randbytes(64)
        stacks.gdb.write(at[now], note)
        found = stacks.switch(now, to, at[now], held[now], stacks.homes[to])
        expect(found, held[to], at[to], f"task {to}")
        check_equal(stacks.gdb.read(at[now], 64), note, "what a task has on its stack stays there")
        now = to


@points(4, task="1", function="switch_to", handout=HANDOUT)
def test_switch_programs(tool, rng, emu):
    """programs that share a processor keep general registers, SSE registers and the base of FS"""
    for looks, lost in tool.keep(5, 300 if emu == "qemu" else 400, rng.getrandbits(60)):
        check(looks > (20 if emu == "qemu" else 2), "each of five programs gets its turn", observed=looks)
        check_equal(lost, 0, "registers that a program has lost while others ran")
