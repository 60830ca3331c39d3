"""What every emulator offers the tests: one interface, two drivers (qemu.Qemu, bochs.Bochs).

Discipline: a Machine is started once and stopped once (it is a context manager); its run
directory holds everything that belongs to the run, so parallel runs share nothing. Limits are
guest time. The wall clock only tells a dead emulator, scaled with the host's load.
"""

from __future__ import annotations

import abc
import dataclasses
import enum
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import newc, paging
from .agent import Agent
from .channel import Channel
from .errors import GuestFault, GuestTimeout, InfrastructureFault, MachineStopped
from .sandbox import Sandbox

SECOND = 1_000_000_000
SILENCE = 30.0  # wall seconds without any progress that make an emulator dead, on an idle host
GRACE = 2.0  # wall seconds, from the end of a limit on, that input may still be on its way: an idle
#              guest's clock leaps ahead by minutes in no time


class Exit(enum.Enum):
    """Why a machine is not running any more."""

    SUCCESS = "reported success"
    FAILURE = "reported failure"
    PANIC = "panicked"
    SHUTDOWN = "powered off"
    RESET = "reset"
    TRIPLE_FAULT = "triple fault"
    STOPPED = "stopped by the grader"
    DIED = "the emulator died"


DEBUG_EXIT = {0x10: Exit.SUCCESS, 0x11: Exit.FAILURE, 0x31: Exit.PANIC}  # written to port 0xf4


@dataclasses.dataclass
class Config:
    """What to boot. A kernel (and initrd), or a ready disk image."""

    kernel: pathlib.Path | None = None
    initrd: pathlib.Path | None = None
    disk: pathlib.Path | None = None
    cmdline: str = ""
    smp: int = 1
    mem: int = 128  # MiB
    key: bytes | None = None  # of the agent; appended to the initrd
    model: str = ""  # processor; empty: the driver's best
    board: str = "q35"  # or pc; QEMU only
    grub: bool = False  # QEMU: boot kernel and initrd by GRUB from a disk, as Bochs always does
    deterministic: bool = True
    instruction_ns: int = 1  # QEMU, deterministic: guest time for an instruction; a power of two
    paused: bool = False  # stop before the first instruction
    sandbox: Sandbox | None = None
    keep: pathlib.Path | None = None  # move the run directory here afterwards
    extra: tuple[str, ...] = ()  # arguments or bochsrc lines, as they are


def load_scale() -> float:
    """How much slower than alone this host is now; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Watch:
    """Decides, while something is waited for, whether to go on waiting.

    Raises MachineStopped, GuestTimeout (more than `limit_ns` of guest time) or
    InfrastructureFault (no progress of any kind for long).
    """

    def __init__(self, machine: "Machine", limit_ns: int, what: str):
        self._machine, self._what = machine, what
        self._limit = int((limit_ns or machine.default_limit_ns) * machine.time_scale)
        self._moved = time.monotonic()
        self._late_since: float | None = None
        self._seen = (0, 0, 0)
        self._start: int | None = None

    def __call__(self) -> None:
        machine = self._machine
        machine.require_running(self._what)
        now_ns = machine.virtual_ns()
        if self._start is None:
            self._start = now_ns
        wall = time.monotonic()
        seen = (now_ns, machine.console.channel.position, machine.line.position)
        if seen != self._seen:
            self._seen, self._moved = seen, wall
        if machine.is_halted():
            raise GuestTimeout(f"{self._what}: every processor is halted with interrupts off")
        elapsed = now_ns - self._start
        if elapsed > self._limit and self._late_since is None:
            self._late_since = wall
        if self._late_since is not None and wall - self._late_since > GRACE * load_scale():
            raise GuestTimeout(f"{self._what}: not within {self._limit / SECOND:.3g} s of guest time")
        if wall - self._moved > SILENCE * load_scale():
            raise InfrastructureFault(f"{self._what}: {machine.name} makes no progress")


class Console:
    """COM1 as a person sees it: bytes, a log, expect. Never evidence (DESIGN 5)."""

    def __init__(self, machine: "Machine", channel: Channel):
        self._machine, self.channel = machine, channel
        self._position = channel.position

    @property
    def text(self) -> str:
        """Everything printed so far, carriage returns removed."""
        return self.channel.since(0).decode(errors="replace").replace("\r", "")

    def send(self, data: str | bytes) -> None:
        """Types."""
        self.channel.send(data.encode() if isinstance(data, str) else data)

    def expect(self, pattern: str | bytes, limit_ns: int = 0) -> re.Match:
        """Waits for `pattern` behind the last match; GuestTimeout, MachineStopped otherwise."""
        raw = pattern.encode() if isinstance(pattern, str) else pattern
        expression = re.compile(raw, re.MULTILINE)
        watch = Watch(self._machine, limit_ns, f"waiting for {pattern!r} on the console")
        while True:
            end = self.channel.position
            found = expression.search(self.channel.since(self._position))
            if found:
                self._position += found.end()
                return found
            if not self.channel.wait_beyond(end, 0.25):
                watch()


class Machine(abc.ABC):
    """One emulated computer. Use as `with Qemu(config) as machine:`."""

    name = "machine"
    time_scale = 1.0  # guest seconds of this emulator per second of a limit
    default_limit_ns = 5 * SECOND

    def __init__(self, config: Config):
        self.config = config
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vitrine-"))
        self.exit: Exit | None = None
        self.exit_detail = ""
        self.console: Console
        self.line: Channel
        self._agent: Agent | None = None
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Machine":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    # Driver's part.

    @abc.abstractmethod
    def start(self) -> None:
        """Starts the emulator; InfrastructureFault if it does not come up."""

    @abc.abstractmethod
    def virtual_ns(self) -> int:
        """Guest time since power-on."""

    @abc.abstractmethod
    def pause(self) -> None:
        """Stops all processors; nothing if they are stopped."""

    @abc.abstractmethod
    def resume(self) -> None:
        """Lets them go on."""

    @abc.abstractmethod
    def read_phys(self, address: int, length: int) -> bytes:
        """Guest-physical memory, seen from outside."""

    @abc.abstractmethod
    def registers(self, cpu: int = 0) -> dict[str, int]:
        """Lower-case names (rax .. r15, rip, eflags, cr0 cr2 cr3 cr4, efer, halted) to values."""

    @abc.abstractmethod
    def descriptor_tables(self, cpu: int = 0) -> dict[str, int]:
        """gdt_base, gdt_limit, idt_base, idt_limit, and tr, tr_base, tr_limit of a processor."""

    @abc.abstractmethod
    def run_to(self, address: int, limit_ns: int = 0) -> None:
        """Runs until a processor is about to execute linear `address`; paused afterwards."""

    @abc.abstractmethod
    def _poll_exit(self) -> tuple[Exit, str] | None:
        """Why the machine has ended, if it has."""

    def is_halted(self) -> bool:
        """True when no processor can ever go on: all in HLT with interrupts off."""
        return False

    # Common part.

    def poll(self) -> Exit | None:
        """The exit reason, or None while it runs."""
        if self.exit is None and (ended := self._poll_exit()):
            self.exit, self.exit_detail = ended
        return self.exit

    def require_running(self, what: str) -> None:
        """MachineStopped if it ended, InfrastructureFault if the emulator itself broke."""
        if self.poll() is None:
            return
        text = f"{what}: {self.exit.value}. {self.exit_detail}".strip()
        if self.exit is Exit.DIED:
            raise InfrastructureFault(text)
        raise MachineStopped(text, self.exit)

    def wait_exit(self, limit_ns: int = 0) -> Exit:
        """Waits for the end; GuestTimeout if it does not come."""
        watch = Watch(self, limit_ns, "waiting for the end of the run")
        pause = 0.005
        while self.poll() is None:
            time.sleep(pause)
            pause = min(pause * 2, 0.25)
            if pause == 0.25:
                try:
                    watch()
                except MachineStopped:
                    break
        if self._process and self._process.poll() is not None:
            self.console.channel.wait_closed(5.0)  # the emulator's last words may still be on the way
        if self.exit is Exit.DIED:
            raise InfrastructureFault(f"{self.name} died: {self.exit_detail}")
        return self.exit

    @property
    def agent(self) -> Agent:
        """The agent, greeted on first use."""
        if self._agent is None:
            if self.config.key is None:
                raise GuestFault("this machine was booted without a key for the agent")
            self._agent = Agent(self.line, self.config.key, self._watch_agent, retry=load_scale())
            self._agent.hello(self.boot_limit_ns())
        return self._agent

    def boot_limit_ns(self) -> int:
        """How long the first answer of the agent may take."""
        return self.default_limit_ns

    def read_virt(self, address: int, length: int, cr3: int | None = None) -> bytes:
        """Memory at a linear address, by walking the guest's own page tables from outside.

        LookupError when a page is not mapped. `cr3` defaults to processor 0's.
        """
        cr3 = self.registers()["cr3"] if cr3 is None else cr3
        return paging.read_virt(self.read_phys, cr3, address, length)

    def stop(self) -> None:
        """Ends the emulator and cleans up. May be called twice."""
        self.poll()
        if self.exit is None:
            self.exit = Exit.STOPPED
        if self._process and self._process.poll() is None:
            self._process.kill()
        if self._process:
            self._process.wait()
        for line in (getattr(self, "line", None), getattr(getattr(self, "console", None), "channel", None)):
            if line:
                line.close()
        self._clean_up()
        if self.config.keep and self.folder.exists():
            self.config.keep.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.folder, self.config.keep, dirs_exist_ok=True, ignore=_no_sockets)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clean_up(self) -> None:
        """Driver's own descriptors."""

    def _watch_agent(self, limit_ns: int) -> Watch:
        return Watch(self, limit_ns, "waiting for the agent")

    def _run_initrd(self) -> pathlib.Path | None:
        """The initrd of this run: the lab's, and the agent's key behind it."""
        config = self.config
        if config.key is None:
            return config.initrd
        base = config.initrd.read_bytes() if config.initrd else b""
        path = self.folder / "initrd"
        path.write_bytes(newc.append_file(base, "etc/agent.key", config.key.hex().encode() + b"\n"))
        return path


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not os.path.isfile(os.path.join(folder, name))]
