"""QEMU under TCG: QMP for control and memory, the gdb stub for breakpoints, all on unix sockets.

`deterministic` is -icount: one guest instruction is one guest nanosecond (or `instruction_ns`), on any
host. Guest time is read from the ACPI PM timer (exact, wraps after 4.7 s) and the clock chip (whole
seconds, driven by the same clock); together they are exact and never wrap. See: EMULATORS 0 and 2.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import socket
import subprocess
import time

from . import images
from .channel import Channel, connect_unix
from .errors import InfrastructureFault
from .gdbstub import GdbStub
from .machine import DEBUG_EXIT, SECOND, Config, Console, Exit, Machine, Watch, load_scale

_PM_TIMER = 0x608  # SeaBIOS puts the PM block at 0x600 on pc and q35
_PM_HZ = 3_579_545
_REGISTER = re.compile(r"\b(R[A-Z0-9]{1,2}|RFL|CR[0234]|EFER|HLT)\s*=\s*([0-9a-f]+)")
_NAMES = {"rfl": "eflags", "hlt": "halted"}


class Qmp:
    """The monitor: commands in, replies out, events kept aside in order."""

    def __init__(self, line: socket.socket):
        self._line = line
        self._file = line.makefile("rb")
        self.events: list[dict] = []
        line.settimeout(30 * load_scale())
        self._read()
        self.execute("qmp_capabilities")

    def _read(self) -> dict:
        text = self._file.readline()
        if not text:
            raise EOFError("the monitor closed")
        return json.loads(text)

    def execute(self, command: str, **arguments) -> object:
        """The reply's value. EOFError or OSError when QEMU is gone, ValueError if it refuses."""
        message = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self._line.sendall(json.dumps(message).encode() + b"\n")
        while True:
            reply = self._read()
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise ValueError(f"{command}: {reply['error']['desc']}")
            else:
                return reply["return"]

    def human(self, line: str) -> str:
        """A line of the human monitor."""
        return self.execute("human-monitor-command", **{"command-line": line})

    def close(self) -> None:
        self._file.close()
        self._line.close()


class Qemu(Machine):
    """QEMU as a Machine."""

    name = "qemu"

    def __init__(self, config: Config):
        super().__init__(config)
        self._qmp: Qmp | None = None
        self._gdb: GdbStub | None = None
        self._last_ns = 0
        if config.grub or config.disk:  # the clock leaps ahead while a disk is waited for
            self.default_limit_ns = 120 * SECOND

    def command(self) -> list[str]:
        """The command line; also what a failure message shows for replay."""
        config, folder = self.config, self.folder
        argv = ["qemu-system-x86_64", "-accel", "tcg,tb-size=128", "-M", config.board]
        argv += ["-cpu", config.model or "max", "-m", str(config.mem), "-smp", str(config.smp)]
        argv += ["-nodefaults", "-display", "none", "-no-reboot", "-action", "shutdown=pause"]
        for name in ("com1", "com2"):
            argv += ["-chardev", f"socket,id={name},path={folder}/{name}.sock,server=on,wait=off"]
            argv += ["-serial", f"chardev:{name}"]
        argv += ["-qmp", f"unix:{folder}/qmp.sock,server=on,wait=off"]
        argv += ["-chardev", f"socket,id=gdb,path={folder}/gdb.sock,server=on,wait=off", "-gdb", "chardev:gdb"]
        argv += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-S"]
        argv += ["-rtc", "clock=vm,base=2000-01-01", "-d", "cpu_reset", "-D", f"{folder}/qemu.log"]
        if config.deterministic:
            argv += ["-icount", f"shift={config.instruction_ns.bit_length() - 1},sleep=off", "-seed", "1"]
        if disk := self._disk():
            argv += ["-drive", f"file={disk},format=raw,snapshot=on"]
        else:
            argv += ["-kernel", str(config.kernel), "-append", config.cmdline]
            if initrd := self._run_initrd():
                argv += ["-initrd", str(initrd)]
        return argv + list(config.extra)

    def _disk(self) -> pathlib.Path | None:
        return self.folder / "disk.img" if self.config.grub else self.config.disk

    def start(self) -> None:
        argv, config = self.command(), self.config
        if config.grub:
            images.build(config.kernel, self._run_initrd(), config.cmdline, self._disk())
        if config.sandbox:
            files = [path.resolve() for path in (config.kernel, config.initrd, config.disk) if path]
            box = config.sandbox.with_paths(read=files, write=[self.folder])
            argv = box.wrap(argv, self.folder, {"TMPDIR": str(self.folder)})  # of snapshot=on
        with open(self.folder / "qemu.out", "wb") as out:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + 20 * load_scale()
        try:
            lines = [self._connect(name, deadline) for name in ("com1", "com2", "qmp")]
            self.console = Console(self, Channel(lines[0].detach(), self.folder / "com1.log"))
            self.line = Channel(lines[1].detach(), self.folder / "com2.log")
            self._qmp = Qmp(lines[2])
            if not config.paused:
                self._qmp.execute("cont")
        except (OSError, EOFError) as error:
            said = (self.folder / "qemu.out").read_text(errors="replace").strip()
            raise InfrastructureFault(f"QEMU did not start: {said or error}") from error

    def _connect(self, name: str, deadline: float) -> socket.socket:
        while True:
            if self._process.poll() is not None:
                raise OSError(f"exit code {self._process.returncode}")
            try:
                return connect_unix(f"{self.folder}/{name}.sock", time.monotonic() + 0.1)
            except OSError:
                if time.monotonic() > deadline:
                    raise

    def _ask(self, command: str, **arguments) -> object:
        """A QMP command; when QEMU is gone, its exit is what counts."""
        try:
            return self._qmp.execute(command, **arguments)
        except (OSError, EOFError) as error:
            if isinstance(error, TimeoutError):
                raise InfrastructureFault("QEMU's monitor does not answer") from error
            self._process.wait(30)
            self.require_running("reading the machine's state")
            raise InfrastructureFault(f"QEMU's monitor: {error}") from error

    def _human(self, line: str) -> str:
        return self._ask("human-monitor-command", **{"command-line": line})

    def virtual_ns(self) -> int:
        """An idle guest can run seconds ahead between two questions: asks until it did not."""
        for _ in range(8):
            before, seconds, after = self._pm_ticks(), self._clock_seconds(), self._pm_ticks()
            if 0 <= after - before < _PM_HZ // 8:
                break
        period = 2**24 / _PM_HZ
        rounds = max(0, round((seconds + 0.5 - before / _PM_HZ) / period))
        self._last_ns = max(self._last_ns, (before + rounds * 2**24) * SECOND // _PM_HZ)
        return self._last_ns

    def _pm_ticks(self) -> int:
        return int(self._human(f"i /w {_PM_TIMER:#x}").split("=")[1], 16) & 0xFFFFFF

    def _clock_seconds(self) -> int:
        date = self._ask("qom-get", path="/machine", property="rtc-time")
        now = datetime.datetime(1900 + date["tm_year"], 1 + date["tm_mon"], date["tm_mday"])
        hours = 24 * (now - datetime.datetime(2000, 1, 1)).days + date["tm_hour"]
        return date["tm_sec"] + 60 * (date["tm_min"] + 60 * hours)

    def pause(self) -> None:
        self._ask("stop")

    def resume(self) -> None:
        self._ask("cont")

    def read_phys(self, address: int, length: int) -> bytes:
        path = self.folder / "memory.bin"
        self._ask("pmemsave", val=address, size=length, filename=str(path))
        return path.read_bytes()

    def registers(self, cpu: int = 0) -> dict[str, int]:
        pieces = re.split(r"^CPU#(\d+)\s*$", self._human("info registers -a"), flags=re.MULTILINE)
        for number, text in zip(pieces[1::2], pieces[2::2]):
            if int(number) == cpu:
                values = {name.lower(): int(value, 16) for name, value in _REGISTER.findall(text)}
                return {_NAMES.get(name, name): value for name, value in values.items()}
        raise ValueError(f"there is no processor {cpu}")

    def descriptor_tables(self, cpu: int = 0) -> dict[str, int]:
        pieces = re.split(r"^CPU#(\d+)\s*$", self._human("info registers -a"), flags=re.MULTILINE)
        text = dict(zip(map(int, pieces[1::2]), pieces[2::2]))[cpu]
        found = {}
        for name in ("gdt", "idt"):
            base, limit = re.search(rf"^{name.upper()}=\s+(\w+) (\w+)", text, re.MULTILINE).groups()
            found |= {f"{name}_base": int(base, 16), f"{name}_limit": int(limit, 16)}
        selector, base, limit = re.search(r"^TR =(\w+) (\w+) (\w+)", text, re.MULTILINE).groups()
        return found | {"tr": int(selector, 16), "tr_base": int(base, 16), "tr_limit": int(limit, 16)}

    def is_halted(self) -> bool:
        """Processors that were never started also wait in HLT; their IF is off too."""
        pieces = self._human("info registers -a").split("CPU#")[1:]
        states = [dict(_REGISTER.findall(text)) for text in pieces]
        return all(s["HLT"] == "1" and not int(s["RFL"], 16) & 0x200 for s in states)

    @property
    def gdb(self) -> GdbStub:
        """The gdb stub; the first use stops the machine."""
        if self._gdb is None:
            line = connect_unix(f"{self.folder}/gdb.sock", time.monotonic() + 5 * load_scale())
            self._gdb = GdbStub(line)
        return self._gdb

    def run_to(self, address: int, limit_ns: int = 0) -> None:
        watch = Watch(self, limit_ns, f"running to {address:#x}")
        self.gdb.run_to(address, watch=watch)

    def _poll_exit(self) -> tuple[Exit, str] | None:
        code = self._process.poll() if self._process else None
        if code is not None:
            return self._from_code(code)
        if self._qmp is None:
            return None
        try:
            state = self._qmp.execute("query-status")["status"]
        except TimeoutError:
            return None
        except (OSError, EOFError):
            return self._from_code(self._process.wait(30))
        return self._from_events() if state == "shutdown" else None

    def _from_events(self) -> tuple[Exit, str]:
        reasons = [e["data"].get("reason") for e in self._qmp.events if e["event"] == "SHUTDOWN"]
        if reasons and reasons[-1] == "guest-shutdown":
            return Exit.SHUTDOWN, ""
        if "Triple fault" in (self.folder / "qemu.log").read_text(errors="replace"):
            return Exit.TRIPLE_FAULT, ""
        return Exit.RESET, str(reasons[-1:])

    def _from_code(self, code: int) -> tuple[Exit, str]:
        if code & 1 and code > 1 and code >> 1 in DEBUG_EXIT:
            return DEBUG_EXIT[code >> 1], ""
        if self.exit is Exit.STOPPED:
            return Exit.STOPPED, ""
        said = (self.folder / "qemu.out").read_text(errors="replace").strip()
        if code & 1 and code > 1:
            return Exit.FAILURE, f"debug exit code {code >> 1:#x}"
        return Exit.DIED, f"exit code {code}: {said[-500:]}"

    def _clean_up(self) -> None:
        if self._gdb:
            self._gdb.close()
        if self._qmp:
            self._qmp.close()
