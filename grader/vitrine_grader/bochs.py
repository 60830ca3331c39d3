"""Bochs: its internal debugger driven through pipes, both serial lines on ptys.

Bit-identical from run to run (clock: sync=none): guest time is the count of executed instructions.
Ctrl-C (SIGINT) brings the debugger's prompt at any time; a run that ends says why in its log.
See: EMULATORS 0 and 1.
"""

from __future__ import annotations

import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import threading
import time
import tty

from . import images
from .channel import Channel
from .errors import InfrastructureFault
from .machine import SECOND, Config, Console, Exit, Machine, Watch, load_scale

IPS = 4_000_000  # instructions per guest second; serial lines are fastest around here
_BOCHSRC = """\
config_interface: textconfig
display_library: sdl2
cpu: model={model}, count={smp}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest={mem}, host={mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/vgabios/vgabios.bin
vga: extension=vbe, update_freq=1, realtime=0
pci: enabled=1, chipset=i440fx
clock: sync=none, time0=946684800
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, mode=volatile, path="{disk}", journal="{folder}/journal"
boot: disk
com1: enabled=1, mode=term, dev={com1}
com2: enabled=1, mode=term, dev={com2}
magic_break: enabled=0
panic: action=fatal
error: action=report
info: action=ignore, {talkers}
debug: action=ignore
log: {folder}/bochs.log
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
{extra}
"""
# `info`: the handler of Ctrl-C logs that it was called, and waits for ever for the log's lock when the
# signal came amid another line. So only the processors inform: their state when they stop is worth having.
_PANICS = (
    ("Shutdown port: shutdown requested", Exit.SHUTDOWN),
    ("ACPI control: soft power off", Exit.SHUTDOWN),
    ("3rd (", Exit.TRIPLE_FAULT),
    ("exception with no resolution", Exit.TRIPLE_FAULT),
)
_PROMPT = re.compile(rb"<bochs:(\d+)> $")
_PLACE = re.compile(rb"^\((\d+)\) \[(0x[0-9a-f]+)\]", re.MULTILINE)  # physical address of rip
_REGISTER = re.compile(r"^(r\w+)\s*: ([0-9a-f]{8})_([0-9a-f]{8})", re.MULTILINE)


class Bochs(Machine):
    """Bochs as a Machine. `_running` follows the debugger: prompt or not."""

    name = "bochs"
    time_scale = 10.0  # 4 million instructions a second: guest seconds are short

    def __init__(self, config: Config):
        super().__init__(config)
        self._said = bytearray()
        self._news = threading.Condition()
        self._running = False
        self._slaves: list[int] = []
        self._places: dict[int, int] = {}

    def start(self) -> None:
        config = self.config
        disk = config.disk
        if disk is None:
            disk = self.folder / "disk.img"
            images.build(config.kernel, self._run_initrd(), config.cmdline, disk)
        com1, com2 = self._open_line("com1"), self._open_line("com2")
        self.console, self.line = Console(self, com1[0]), com2[0]
        text = _BOCHSRC.format(
            model=config.model or "broadwell_ult", smp=config.smp, mem=config.mem, ips=IPS,
            talkers=", ".join(f"cpu{cpu}=report" for cpu in range(config.smp)),
            disk=disk, folder=self.folder, com1=com1[1], com2=com2[1], extra="\n".join(config.extra),
        )  # fmt: skip
        (self.folder / "bochsrc").write_text(text)
        self._spawn(pathlib.Path(disk))
        self._await_prompt(20 * load_scale())
        if not config.paused:
            self.resume()

    def boot_limit_ns(self) -> int:
        """GRUB reads kernel and initrd through the BIOS, which is slow here: 5 guest seconds per MiB."""
        loaded = sum(path.stat().st_size for path in (self.config.kernel, self.config.initrd) if path)
        return self.default_limit_ns + loaded * SECOND // (1 << 20)  # times time_scale: twice as long as needed

    def _open_line(self, name: str) -> tuple[Channel, str]:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._slaves.append(slave)
        return Channel(master, self.folder / f"{name}.log"), os.ttyname(slave)

    def _spawn(self, disk: pathlib.Path) -> None:
        argv = ["bochs", "-q", "-f", f"{self.folder}/bochsrc"]
        env = {"SDL_VIDEODRIVER": "dummy"}
        if self.config.sandbox:
            box = self.config.sandbox.with_paths(read=[disk.resolve()], write=[self.folder], pts=True)
            if disk.is_relative_to(self.folder):
                box = self.config.sandbox.with_paths(write=[self.folder], pts=True)
            argv = box.wrap(argv, self.folder, env)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **env}, cwd=self.folder, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True, name="bochs").start()

    def _listen(self) -> None:
        while got := os.read(self._process.stdout.fileno(), 65536):
            with self._news:
                self._said += got
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    # The debugger.

    def _at_prompt(self) -> bool:
        return bool(_PROMPT.search(self._said[-32:]))

    def _await_prompt(self, wall: float) -> bool:
        """Waits for the prompt; False when `wall` seconds passed without one."""
        deadline = time.monotonic() + wall
        with self._news:
            while not self._at_prompt():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    break
                self._news.wait(0.05)
            if self._at_prompt():
                self._running = False
                if places := _PLACE.findall(self._said):
                    self._places = {int(cpu): int(place, 16) for cpu, place in places}
                return True
        if self._process.poll() is None:
            return False
        if self._poll_exit():
            self.require_running("talking to the debugger")
        raise InfrastructureFault(f"Bochs did not start: {self._said[-400:].decode(errors='replace')}")

    def _type(self, line: str) -> None:
        with self._news:
            self._said.clear()
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._process.wait(10)

    def debugger(self, line: str) -> str:
        """Pauses if needed, gives the debugger a line, returns what it said; goes on if it ran."""
        was_running = self._running
        self.pause()
        self._type(line)
        if not self._await_prompt(30 * load_scale()):
            raise InfrastructureFault(f"Bochs' debugger does not answer {line!r}")
        with self._news:
            said = self._said.decode(errors="replace")
        if was_running:
            self.resume()
        return said

    def pause(self) -> None:
        if not self._running:
            return
        self.require_running("pausing")
        deadline = time.monotonic() + 30 * load_scale()
        while not self._await_prompt(0.02):
            os.kill(self._pid(), signal.SIGINT)  # lost if Bochs has not begun to run yet: repeat
            if self._await_prompt(0.3 * load_scale()):
                break
            if time.monotonic() > deadline:
                raise InfrastructureFault("Bochs does not react to Ctrl-C")

    def resume(self) -> None:
        if not self._running:
            self._type("c")
            self._running = True

    def _pid(self) -> int:
        """Bochs itself, which may sit two processes below a sandbox."""
        pid = self._process.pid
        while True:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return pid
            pid = int(children[0])

    # State.

    def virtual_ns(self) -> int:
        """Instructions executed since power-on, as time at IPS."""
        return self.ticks() * (SECOND // 1000) // (IPS // 1000)

    def ticks(self) -> int:
        """Executed instructions (and skipped idle ticks): exact and repeatable."""
        return int(re.search(r"ptime: (\d+)", self.debugger("ptime"))[1])

    def read_phys(self, address: int, length: int) -> bytes:
        if length > 4096:
            pieces = range(0, length, 4096)
            return b"".join(self.read_phys(address + at, min(4096, length - at)) for at in pieces)
        size, unit = (1, "b") if address % 8 or length % 8 else (8, "g")
        said = self.debugger(f"xp /{length // size}{unit}x {address:#x}")
        values = [line.split(":", 1)[1].split() for line in said.splitlines() if ">:" in line]
        data = b"".join(int(value, 16).to_bytes(size, "little") for line in values for value in line)
        if len(data) != length:
            raise ValueError(f"no {length} bytes of memory at {address:#x}: {said.strip()[:200]}")
        return data

    def registers(self, cpu: int = 0) -> dict[str, int]:
        was_running = self._running
        self.pause()
        self.debugger(f"set $cpu = {cpu}")
        general, control = self.debugger("r"), self.debugger("creg")
        self.debugger("set $cpu = 0")
        if was_running:
            self.resume()
        values = {n: int(high + low, 16) for n, high, low in _REGISTER.findall(general)}
        values["eflags"] = int(re.search(r"eflags (0x[0-9a-f]+)", general)[1], 16)
        for name in ("CR0", "CR3", "CR4", "EFER"):
            values[name.lower()] = int(re.search(rf"{name}=(0x[0-9a-f]+)", control)[1], 16)
        values["cr2"] = int(re.search(r"laddr=(0x[0-9a-f]+)", control)[1], 16)
        return values

    def descriptor_tables(self, cpu: int = 0) -> dict[str, int]:
        was_running = self._running
        self.pause()
        self.debugger(f"set $cpu = {cpu}")
        said = self.debugger("sreg")
        self.debugger("set $cpu = 0")
        if was_running:
            self.resume()
        found = {}
        for name in ("gdt", "idt"):
            base, limit = re.search(rf"{name}r:base=(0x\w+), limit=(0x\w+)", said).groups()
            found |= {f"{name}_base": int(base, 16), f"{name}_limit": int(limit, 16)}
        selector, high, low = re.search(r"^tr:(0x\w+), dh=(0x\w+), dl=(0x\w+)", said, re.MULTILINE).groups()
        high, low = int(high, 16), int(low, 16)
        # The debugger shows the lower eight bytes only: the rest of the base stands in the GDT.
        slot = self.read_virt(found["gdt_base"] + (int(selector, 16) & ~7) + 8, 4)
        base = int.from_bytes(slot, "little") << 32 | high & 0xFF000000 | (high & 0xFF) << 16 | low >> 16
        return found | {"tr": int(selector, 16), "tr_base": base, "tr_limit": high & 0xF0000 | low & 0xFFFF}

    def is_halted(self) -> bool:
        """Every processor stands behind a HLT with interrupts off, at every one of ten looks.

        Once is not enough: a running instruction may happen to follow a byte F4. So a machine that
        is paused is never called halted.
        """
        if not self._running:
            return False
        self.pause()
        places = dict(self._places)
        halted = bool(places) and all(self._is_behind_hlt(*place) for place in places.items())
        for _ in range(9):
            if not halted:
                break
            self.resume()
            time.sleep(0.002)
            self.pause()
            halted = self._places == places
        self.resume()
        return halted

    def _is_behind_hlt(self, cpu: int, physical: int) -> bool:
        if self.read_phys(physical - 1, 1) != b"\xf4":
            return False
        return not self.registers(cpu)["eflags"] & 0x200

    def run_to(self, address: int, limit_ns: int = 0) -> None:
        self.pause()
        self.debugger(f"lb {address:#x}")
        number = re.findall(r"^\s*(\d+) .*breakpoint", self.debugger("info break"), re.MULTILINE)[-1]
        watch = Watch(self, limit_ns, f"running to {address:#x}")
        try:
            while True:
                self.resume()
                self._await_prompt(0.5)
                self.pause()
                if self.registers()["rip"] == address:
                    break
                watch()  # the machine stands still, so nothing can run over the breakpoint
        finally:
            if self.poll() is None:
                self.pause()
                self.debugger(f"d {number}")

    def _poll_exit(self) -> tuple[Exit, str] | None:
        if self._process is None or self._process.poll() is None:
            return None
        log = self.folder / "bochs.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        for line in lines:
            if ">>PANIC<<" not in line:
                continue
            for text, reason in _PANICS:
                if text in line:
                    return reason, line.split(">>PANIC<<")[1].strip()
            return Exit.DIED, line
        return Exit.DIED, self._said[-300:].decode(errors="replace")

    def _clean_up(self) -> None:
        for slave in self._slaves:
            os.close(slave)
        self._slaves = []
        if self._process:
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    pipe.close()
                except OSError:
                    pass
        shutil.rmtree(self.folder / "journal", ignore_errors=True)
