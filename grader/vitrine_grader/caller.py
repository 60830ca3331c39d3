"""Asks probes (src/fs/debugfs/probe.h): one interface, two ways.

AgentProbes: through debugfs and the agent, in a kernel that has booted. DirectProbes: the machine
stands at the entry of kernel_main(), nothing of a submission has run yet, and the grader calls the
probe itself: it puts arguments into registers, plants a return address and lets go. So a function
can be judged in a kernel that cannot boot, and what it does to memory is seen from outside.

Around a direct call: the input ends at a page that is not mapped, there is no IDT, so a stray read
behind it is a triple fault; a function that never returns meets the limit in guest time.
"""

from __future__ import annotations

import struct
from typing import Protocol

from .agent import Agent
from .errors import AgentError, GuestTimeout, InfrastructureFault, MachineStopped
from .failure import Failure
from .machine import SECOND, Exit, Watch
from .qemu import Qemu
from .symbols import SymbolTable

FOLDER = "/sys/kernel/debug/probe"
ROOM = 65536  # kMaxProbeOutput and kMaxProbeInput
_DIRECT = 0xFFFF_8880_0000_0000  # the kernel's direct map; boot.S maps 4 GiB there
_FENCED = 0x6400_0000_0000  # entry 200 of the top-level table, which boot.S leaves empty
_MIB = 1 << 20
_TABLES, _OUT, _STACK, _INPUT = (_DIRECT + n * _MIB for n in (32, 33, 34, 35))
_CANARY = bytes(range(1, 65)) * 4
_STACK_BYTES = 32768
_PRESENT, _WRITE = 1, 2


class Hole(Failure):
    """The function is still empty."""


class Probes(Protocol):
    """What a test uses."""

    def ask(self, name: str, data: bytes) -> bytes:
        """The probe's answer; AgentError with the errno that it returned; Failure if it broke."""
        ...


class AgentProbes:
    """Through /sbin/agent and debugfs."""

    def __init__(self, agent: Agent):
        self._agent = agent

    def ask(self, name: str, data: bytes) -> bytes:
        return self._agent.probe(f"{FOLDER}/{name}", data)


class DirectProbes:
    """By calling the probe's function in a machine that was started paused."""

    limit_ns = SECOND // 2  # for one call: 500 million instructions

    def __init__(self, machine: Qemu, symbols: SymbolTable):
        self.machine, self._symbols = machine, symbols
        self._home = symbols["upcall::kernel_main"]
        machine.run_to(self._home)
        if machine.gdb.registers()["rip"] != self._home:
            raise InfrastructureFault("the kernel does not reach kernel_main()")
        self._traps = {symbols[name]: name for name in ("lab_todo", "assert_failed", "vpanic")}
        self._functions = self._find_probes()
        self._map_fenced_window()

    def _text(self, address: int, most: int = 128) -> str:
        try:
            return self.machine.gdb.read(address, most).split(b"\0")[0].decode(errors="replace")
        except LookupError:
            return "?"

    def _find_probes(self) -> dict[str, int]:
        start, end = self._symbols["__probes_start"], self._symbols["__probes_end"]
        pairs = struct.iter_unpack("<QQ", self.machine.gdb.read(start, end - start))
        return {self._text(name): function for name, function in pairs}

    def _map_fenced_window(self) -> None:
        """16 pages at _FENCED, nothing before and behind them."""
        gdb, root = self.machine.gdb, self.machine.registers()["cr3"] & ~0xFFF
        slot = _DIRECT + root + 8 * (_FENCED >> 39 & 0x1FF)
        if any(gdb.read(slot, 8)):
            raise InfrastructureFault("the window for inputs is in use")
        tables = [_TABLES - _DIRECT + 4096 * n for n in range(3)]
        gdb.write(_TABLES, bytes(3 * 4096))
        for place, target in zip((slot, _TABLES, _TABLES + 4096), tables):
            gdb.write(place, struct.pack("<Q", target | _PRESENT | _WRITE))
        frames = [_INPUT - _DIRECT + 4096 * n | _PRESENT | _WRITE for n in range(16)]
        gdb.write(_TABLES + 2 * 4096 + 8, struct.pack("<16Q", *frames))

    def ask(self, name: str, data: bytes) -> bytes:
        if name not in self._functions:
            raise InfrastructureFault(f"this kernel has no probe {name}")
        if len(data) > ROOM:
            raise InfrastructureFault("a probe takes 64 KiB")
        gdb = self.machine.gdb
        gdb.write(_OUT - len(_CANARY), _CANARY)
        gdb.write(_OUT + ROOM, _CANARY)
        where = _FENCED + 4096 + ROOM - len(data)
        if data:
            gdb.write(_INPUT + ROOM - len(data), data)
        result = _STACK + _STACK_BYTES
        top = result - 64 - 8
        gdb.write(top, struct.pack("<Q", self._home))
        arguments = {"rdi": result, "rsi": where, "rdx": len(data), "rcx": _OUT, "r8": ROOM}
        registers = self.enter(name, self._functions[name], self._home, rsp=top, **arguments)
        if registers["rsp"] != top + 8:
            raise Failure("the function returns to its caller", observed="on another stack")
        error, length = struct.unpack("<ixxxxQ", gdb.read(result, 16))
        self._check_fences(name)
        if error:
            raise AgentError(error, name)
        if length > ROOM:
            raise Failure(f"{name} writes only where it may", observed="its answer's length was overwritten")
        return gdb.read(_OUT, length)

    def enter(self, name: str, function: int, stop: int, **registers: int) -> dict[str, int]:
        """Lets the machine go on at `function`, with these registers and interrupts off, until it
        comes to `stop`: the registers there. Failure says what else happened; `name` is for its text.
        """
        gdb = self.machine.gdb
        gdb.set_registers(**registers, eflags=2, rip=function)
        watch = Watch(self.machine, self.limit_ns, f"calling {name}")
        try:
            gdb.run_to(stop, *self._traps, watch=watch)
        except GuestTimeout as late:
            raise Failure("the function comes to an end", "within 0.5 s of guest time", str(late)) from late
        except MachineStopped as stopped:
            raise self._why_stopped(stopped.exit) from stopped
        if ended := self.machine.poll():
            raise self._why_stopped(ended)
        found = gdb.registers()
        if found["rip"] in self._traps:
            raise self._why_trapped(self._traps[found["rip"]], found)
        if found["rip"] != stop:
            raise Failure("the function returns to its caller", observed=f"it came to {found['rip']:#x}")
        return found

    def _why_stopped(self, ended: Exit) -> Failure:
        faulted = ended is Exit.TRIPLE_FAULT
        what = "it touched memory that is not there" if faulted else f"the machine {ended.value}"
        return Failure("the function touches only the memory that it is given", observed=what)

    def _why_trapped(self, name: str, registers: dict[str, int]) -> Failure:
        first, second = self._text(registers["rdi"]), self._text(registers["rsi"])
        if name == "lab_todo":
            return Hole(f"{second}() is written", observed=f"LAB {first}: {second}() is still empty", function=second)
        observed = f"assertion failed: {first}" if name == "assert_failed" else f"panic: {second}"
        return Failure("the function works for this input", observed=observed)

    def _check_fences(self, name: str) -> None:
        gdb = self.machine.gdb
        for at, where in ((_OUT - len(_CANARY), "before"), (_OUT + ROOM, "behind")):
            if gdb.read(at, len(_CANARY)) != _CANARY:
                raise Failure("the function writes only where it may", observed=f"bytes {where} its memory changed")
