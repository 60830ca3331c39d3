"""The machine: boots the kernel, starts a program, notes what /proc says, and stops it to be read.

Reading is done through QEMU's gdb stub: physical memory, and CR3 of each processor. The guest may be stopped
anywhere, also in the middle of a change of a list; who then meets a contradiction lets it go on and asks again
(`consistently`).
"""
import dataclasses
import os
import pathlib
import time

from vitrine_grader.errors import AgentError
from vitrine_grader.machine import Config
from vitrine_grader.qemu import Qemu

from . import Damaged, VisualError
from .layouts import Layouts
from .memory import Memory

TRIES = 5
QUIET = 0.05  # seconds in which the agent, which has just answered, goes to sleep
SETTLE = 60  # looks at a program, 50 ms apart, until it sleeps; one that computes for ever is taken as it is


@dataclasses.dataclass(frozen=True)
class Said:
    """What the kernel said in /proc a moment before it was stopped."""

    pid: int
    name: str
    maps: str
    pagemap: dict[int, int]  # word by page number
    buddyinfo: str
    slabinfo: str


class Guest:
    """A context: the running machine."""

    def __init__(self, kernel: pathlib.Path, elf: pathlib.Path, initrd: pathlib.Path, smp: int = 1, mem: int = 128,
                 cmdline: str = ""):
        if missing := [str(path) for path in (kernel, elf, initrd) if not path.is_file()]:
            raise VisualError(f"{', '.join(missing)}: not there; make kernel build/initramfs.cpio")
        if not 1 <= smp <= 64 or mem < 32:
            raise VisualError("1 to 64 processors and at least 32 MiB, please")
        words = f"console=ttyS0 quiet {cmdline}".strip()
        self.layouts = Layouts(elf)
        self.cpus = smp
        self._machine = Qemu(Config(kernel=kernel.resolve(), initrd=initrd.resolve(), board="pc", mem=mem, smp=smp, cmdline=words,
                                    key=os.urandom(16), deterministic=False))

    def __enter__(self) -> "Guest":
        self._machine.__enter__()
        return self

    def __exit__(self, *problem) -> None:
        self._machine.__exit__(*problem)

    @property
    def agent(self):
        return self._machine.agent

    def start(self, command: str, deepest: bool = True) -> int:
        """Starts a command of the shell and waits until it sleeps; the pid of what the shell became or started
        last, or else of the shell itself."""
        _, shell = self.agent.start(["/bin/sh", "-c", command], limit_ns=3600 * 10**9)
        for _ in range(SETTLE):
            time.sleep(0.05)
            self._state(shell)
            pid = self._youngest(shell)
            if self._sleeps(pid) and self._youngest(shell) == pid:
                return pid if deepest else shell
        return shell

    def _sleeps(self, pid: int) -> bool:
        try:
            return self._state(pid) == "S"
        except VisualError:
            return False  # one of many that come and go

    def _state(self, pid: int) -> str:
        try:
            return self.agent.read_file(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()[0]
        except (AgentError, IndexError):
            raise VisualError(f"the program has ended (process {pid}); draw one that stays") from None

    def _youngest(self, pid: int) -> int:
        """The last child of the last child …"""
        while True:
            try:
                children = self.agent.read_file(f"/proc/{pid}/task/{pid}/children").split()
            except AgentError:
                children = []
            if not children:
                return pid
            pid = int(children[-1])

    def ask(self, pid: int) -> Said:
        """Of process `pid`, and of the memory."""
        try:
            files = {name: self.agent.read_file(f"/proc/{pid}/{name}").decode(errors="replace") for name in ("comm", "maps")}
            return Said(pid, files["comm"].strip(), files["maps"], self._pagemap(pid, files["maps"]),
                        self.agent.read_file("/proc/buddyinfo").decode(), self.agent.read_file("/proc/slabinfo").decode())
        except AgentError as error:
            raise VisualError(f"process {pid} cannot be looked at: {error}") from error

    def _pagemap(self, pid: int, maps: str) -> dict[int, int]:
        words = {}
        for line in maps.splitlines():
            start, end = (int(number, 16) >> 12 for number in line.split()[0].split("-"))
            if start >= 1 << 35:  # [vsyscall] is none of its own
                continue
            data = self.agent.read_file(f"/proc/{pid}/pagemap", 8 * start, 8 * (end - start))
            words |= {start + i: int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(len(data) // 8)}
        return words

    def freeze(self) -> Memory:
        """Stops the machine."""
        self._machine.pause()
        gdb = self._machine.gdb
        return Memory(gdb.read_physical, gdb.cr3(), self.layouts)

    def loaded(self) -> list[int]:
        """CR3 of each processor of the stopped machine."""
        return [self._machine.gdb.cr3(cpu) for cpu in range(self.cpus)]

    def thaw(self) -> None:
        self._machine.resume()

    def consistently(self, pid: int, read):
        """`read(said, memory)` of a moment at which nobody is just changing what it looks at."""
        for attempt in range(TRIES):
            said = self.ask(pid)
            time.sleep(QUIET)
            memory = self.freeze()
            try:
                return read(said, memory)
            except Damaged:
                if attempt == TRIES - 1:
                    raise
                self.thaw()
