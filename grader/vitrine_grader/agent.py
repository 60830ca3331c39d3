"""The grader's end of the COM2 channel: requests to /sbin/agent (PROTOCOL.md 3 to 5).

One request is open at a time. It is repeated until its answer comes; when to stop waiting is not
decided by a wall clock here but by `watch`, which knows guest time and the emulator's health and
raises GuestTimeout, MachineStopped or InfrastructureFault.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import random
import struct
import time
from typing import Callable, Protocol

from . import protocol
from .errors import AgentError, AgentRestarted, GuestFault
from .protocol import Frame, Op

STAGE_SIZE = 65536
RESULT_SIZE = 65536
DEFAULT_ENV = {"PATH": "/sbin:/bin:/usr/sbin:/usr/bin", "HOME": "/", "TERM": "dumb"}
_JOB = struct.Struct("<BiQQQQQQHH")


class Line(Protocol):
    """What a channel must offer (channel.Channel does)."""

    position: int

    def send(self, data: bytes) -> bool: ...
    def since(self, position: int) -> bytes: ...
    def wait_beyond(self, position: int, timeout: float) -> bool: ...


@dataclasses.dataclass(frozen=True)
class Completed:
    """How a program ended. `wait_status` is waitpid's; times are guest nanoseconds."""

    argv: tuple[str, ...]
    stdout: bytes
    stderr: bytes
    wait_status: int
    timed_out: bool
    truncated: bool
    wall_ns: int
    user_ns: int
    system_ns: int

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None when a signal ended it."""
        return os.WEXITSTATUS(self.wait_status) if os.WIFEXITED(self.wait_status) else None

    @property
    def signal(self) -> int | None:
        """The signal that ended it, or None."""
        return os.WTERMSIG(self.wait_status) if os.WIFSIGNALED(self.wait_status) else None

    def describe(self) -> str:
        """One line for messages."""
        if self.timed_out:
            return "did not end within its limit"
        return f"exit code {self.exit_code}" if self.signal is None else f"signal {self.signal}"


@dataclasses.dataclass(frozen=True)
class JobReport:
    """One answer to JOB."""

    ended: bool
    timed_out: bool
    truncated: bool
    done: bool
    wait_status: int
    out_total: int
    err_total: int
    start_ns: int
    end_ns: int
    user_ns: int
    system_ns: int
    out: bytes
    err: bytes


@dataclasses.dataclass(frozen=True)
class Stat:
    """As stat(2)."""

    mode: int
    nlink: int
    uid: int
    gid: int
    ino: int
    size: int
    rdev: int
    blocks: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True)
class Info:
    """uname, clocks and sysinfo of the guest."""

    monotonic_ns: int
    realtime_ns: int
    uptime_s: int
    total_ram: int
    free_ram: int
    procs: int
    cpus: int
    sysname: str
    nodename: str
    release: str
    version: str
    machine: str


@dataclasses.dataclass
class Counters:
    """What happened on the line; `forged` and `conflicts` are evidence, the rest is weather."""

    sent: int = 0
    repeated: int = 0
    damaged: int = 0
    forged: int = 0
    conflicts: int = 0


def _text(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _string(path: str | bytes) -> bytes:
    raw = _text(path)
    return struct.pack("<H", len(raw)) + raw


def _probe_request(path: str | bytes, data: bytes, max_length: int) -> bytes:
    return struct.pack("<II", len(data), max_length) + _string(path)


class Agent:
    """Requests to the guest's agent. Not thread-safe; one per machine.

    `watch(limit_ns)` is asked for one watcher per request, which is called whenever nothing came
    for a while, and raises to end the waiting.
    """

    def __init__(
        self,
        line: Line,
        key: bytes,
        watch: Callable[[int], Callable[[], None]] | None = None,
        seed: int | None = None,
        retry: float = 1.0,
    ):
        self._line = line
        self._key = key
        self._reader = protocol.FrameReader(key)
        self._watch = watch or (lambda limit_ns: lambda: None)
        self._random = random.Random(seed)
        self._retry = retry
        self._fragment = protocol.MAX_PAYLOAD - 4  # shrinks on a bad line, where short frames win
        self._position = line.position
        self._sequence = self._random.randrange(1, 1 << 20)
        self._last_answer: Frame | None = None
        self.session = 0
        self.max_payload = protocol.MAX_PAYLOAD
        self.counters = Counters()

    # The transport.

    def call(self, op: Op, payload: bytes = b"", limit_ns: int = 0) -> bytes:
        """Sends one request and returns its data; AgentError when the guest answers an errno."""
        self._sequence += 1
        request = Frame(op, 0 if op == Op.HELLO else self.session, self._sequence, payload)
        answer = self._exchange(request, limit_ns)
        if len(answer.payload) < 4:
            raise GuestFault(f"the agent answered {op:#x} without a result")
        (error,) = struct.unpack_from("<i", answer.payload)
        if error:
            raise AgentError(error, getattr(op, "name", hex(op)).lower())
        return answer.payload[4:]

    def _exchange(self, request: Frame, limit_ns: int) -> Frame:
        wire = request.wire(self._key)
        watch = self._watch(limit_ns)
        repeats = 0
        quick_repeats = 3  # at once after damage; then the timer's pace
        pace, slowest = self._retry, 8 * self._retry
        if request.type == Op.HELLO:  # the guest may be booting, and idle guests' clocks leap ahead
            pace = slowest = self._retry / 4
        self._line.send(wire)
        self.counters.sent += 1
        deadline = time.monotonic() + pace
        while True:
            answer, hurt = self._receive(request, deadline, watch)
            if answer is not None:
                self._last_answer = answer
                return answer
            if hurt and quick_repeats == 0:
                continue  # damage only costs a repeat three times; the deadline stands
            if hurt:
                quick_repeats -= 1
            else:
                watch()
                pace = min(pace * 1.5, slowest)
                deadline = time.monotonic() + pace
            self._line.send(wire)
            self.counters.repeated += 1
            repeats += 1
            if repeats % 3 == 0:
                self._fragment = max(64, self._fragment // 2)

    def _receive(self, request: Frame, deadline: float, watch) -> tuple[Frame | None, bool]:
        """The answer if it comes before the wall deadline; second: a packet came damaged."""
        while (left := deadline - time.monotonic()) > 0:
            if not self._line.wait_beyond(self._position, min(left, 0.25)):
                if getattr(self._line, "closed", False):
                    watch()  # raises when the machine is gone
                    time.sleep(min(left, 0.05))
                continue
            data = self._line.since(self._position)
            self._position += len(data)
            answer, hurt = self._sort(request, self._reader.feed(data))
            if answer is not None or hurt:
                return answer, hurt
        return None, False

    def _sort(self, request: Frame, found: list) -> tuple[Frame | None, bool]:
        answer, hurt = None, False
        for item in found:
            if isinstance(item, protocol.BadPacket):
                if item.kind == "mac":
                    self.counters.forged += 1
                elif item.kind != "short":
                    self.counters.damaged += 1
                    hurt = True
            elif item.type == protocol.NAK:
                hurt = True
            elif item.sequence == request.sequence and item.type == protocol.BADSESSION:
                raise AgentRestarted("the agent lost its session: the guest or it was restarted")
            elif item.type == request.type | protocol.FROM_AGENT:
                answer = self._match(request, item, answer)
            else:
                self._note_conflict(item)
        return answer, hurt

    def _match(self, request: Frame, item: Frame, answer: Frame | None) -> Frame | None:
        in_session = request.type == Op.HELLO or item.session == self.session
        if item.sequence != request.sequence or not in_session:
            self._note_conflict(item)
            return answer
        if answer is not None and answer != item:
            self.counters.conflicts += 1
        return answer or item

    def _note_conflict(self, item: Frame) -> None:
        """A late copy of the last answer is normal; a different one is evidence."""
        last = self._last_answer
        if last and item.sequence == last.sequence and item.type == last.type and item != last:
            self.counters.conflicts += 1

    # The requests.

    def hello(self, limit_ns: int = 0) -> int:
        """Opens a session; returns the agent's pid."""
        nonce = self._random.randbytes(8)
        data = self.call(Op.HELLO, nonce, limit_ns)
        if data[:8] != nonce:
            raise GuestFault("the agent answered HELLO with another nonce")
        self.session, self.max_payload, pid = struct.unpack_from("<IHI", data, 8)
        return pid

    def ping(self, data: bytes | None = None) -> None:
        """Sends bytes (random ones by default) and wants them back."""
        data = self._random.randbytes(32) if data is None else data
        if self.call(Op.PING, data) != data:
            raise GuestFault("PING came back changed")

    def nudge(self) -> None:
        """Sends a PING and does not wait: makes the agent run, in a machine that is stopped."""
        self._post(Op.PING, self._random.randbytes(8))

    def _post(self, op: Op, payload: bytes) -> None:
        """Sends a request whose answer nobody will look at."""
        self._sequence += 1
        self._line.send(Frame(op, self.session, self._sequence, payload).wire(self._key))

    def _stage(self, data: bytes) -> None:
        if len(data) > STAGE_SIZE:
            raise AgentError(errno.E2BIG, "stage")
        at = 0
        while at < len(data):
            piece = data[at : at + self._fragment]
            self.call(Op.STAGE, struct.pack("<I", at) + piece)
            at += len(piece)

    def _result(self, first: bytes) -> bytes:
        """The rest of what READ, PROBE or LIST left in the agent's result area."""
        (total,) = struct.unpack_from("<I", first)
        data = bytearray(first[4:])
        while len(data) < total:
            want = min(total - len(data), self._fragment)
            piece = self.call(Op.FETCH, struct.pack("<IH", len(data), want))
            if not piece:
                raise GuestFault("the agent's result is shorter than it said")
            data += piece
        return bytes(data)

    def start(self, argv, env=None, stdin=b"", limit_ns=5_000_000_000, back_pressure=False):
        """Starts a program (argv[0] is a path) and returns its job number and pid."""
        env = DEFAULT_ENV if env is None else env
        strings = [_text(arg) for arg in argv]
        strings += [_text(name) + b"=" + _text(value) for name, value in env.items()]
        text = b"".join(string + b"\0" for string in strings)
        self._stage(text + stdin)
        spec = struct.pack("<HQHH", int(back_pressure), limit_ns, len(argv), len(env))
        data = self.call(Op.EXEC, spec + struct.pack("<II", len(text), len(stdin)))
        return struct.unpack("<BI", data)

    def job(self, job: int, wait_ns: int = 1_000_000_000, limit_ns: int = 0) -> JobReport:
        """Takes what the job has put out, waiting up to `wait_ns` of guest time for some."""
        data = self.call(Op.JOB, struct.pack("<BQH", job, wait_ns, self._fragment), limit_ns)
        flags, status, *numbers, n_out, n_err = _JOB.unpack_from(data)
        out = data[_JOB.size : _JOB.size + n_out]
        err = data[_JOB.size + n_out : _JOB.size + n_out + n_err]
        bits = [bool(flags & bit) for bit in (1, 2, 12, 16)]
        return JobReport(*bits, status, *numbers, out, err)

    def run(self, argv, env=None, stdin=b"", limit_ns=5_000_000_000) -> Completed:
        """Runs a program to its end; output beyond the rings is cut and marked."""
        job, _ = self.start(argv, env, stdin, limit_ns)
        out, err = bytearray(), bytearray()
        while True:
            report = self.job(job, wait_ns=1_000_000_000, limit_ns=limit_ns + 1_000_000_000)
            out += report.out
            err += report.err
            if report.done:
                break
        wall = report.end_ns - report.start_ns
        return Completed(
            tuple(str(arg) for arg in argv), bytes(out), bytes(err), report.wait_status,
            report.timed_out, report.truncated, wall, report.user_ns, report.system_ns,
        )  # fmt: skip

    def kill(self, job: int, signal: int = 9) -> None:
        """Signals the job's process group."""
        self.call(Op.KILL, struct.pack("<BB", job, signal))

    def read_file(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """A file's bytes. Up to 64 KiB come from one open, so are one snapshot."""
        data = bytearray()
        while length is None or len(data) < length:
            want = RESULT_SIZE if length is None else min(RESULT_SIZE, length - len(data))
            request = struct.pack("<QI", offset + len(data), want) + _string(path)
            piece = self._result(self.call(Op.READ, request))
            data += piece
            if len(piece) < want:
                break
        return bytes(data)

    def write_file(self, path: str, data: bytes, mode: int = 0o644, offset=None) -> None:
        """Writes a whole file (created, truncated), or at `offset` into an existing one."""
        flags = 3 if offset is None else 0
        at = offset or 0
        pieces = [data[i : i + STAGE_SIZE] for i in range(0, len(data), STAGE_SIZE)] or [b""]
        for piece in pieces:
            self._stage(piece)
            request = struct.pack("<QIBH", at, len(piece), flags, mode) + _string(path)
            (written,) = struct.unpack("<I", self.call(Op.WRITE, request))
            if written != len(piece):
                raise AgentError(errno.EIO, f"write {path}")
            at += written
            flags = 0

    def probe(self, path: str, data: bytes, max_length: int = RESULT_SIZE) -> bytes:
        """Writes `data` to a file and reads the answer from the same descriptor."""
        self._stage(data)
        return self._result(self.call(Op.PROBE, _probe_request(path, data, max_length)))

    @contextlib.contextmanager
    def probing(self, path: str, data: bytes):
        """As probe(), but the body runs between the sending of the data and the request, which goes
        out at the end of the body without waiting: for machines that are stopped meanwhile."""
        self._stage(data)
        yield
        self._post(Op.PROBE, _probe_request(path, data, 4))

    def list_dir(self, path: str) -> dict[str, tuple[int, int]]:
        """Names to (d_type, inode); `.` and `..` included if the guest shows them."""
        data = self._result(self.call(Op.LIST, _string(path)))
        entries, at = {}, 0
        while at < len(data):
            kind, inode, length = struct.unpack_from("<BQH", data, at)
            name = data[at + 11 : at + 11 + length]
            entries[name.decode(errors="surrogateescape")] = (kind, inode)
            at += 11 + length
        return entries

    def stat(self, path: str, follow: bool = True) -> Stat:
        """As stat(2) or lstat(2)."""
        data = self.call(Op.STAT, bytes([follow]) + _string(path))
        return Stat(*struct.unpack("<IIIIQQQQq", data))

    def info(self) -> Info:
        """Clocks, memory, process count, uname."""
        data = self.call(Op.INFO)
        numbers = struct.unpack_from("<QQQQQHH", data)
        names, at = [], struct.calcsize("<QQQQQHH")
        while at < len(data):
            (length,) = struct.unpack_from("<H", data, at)
            names.append(data[at + 2 : at + 2 + length].decode(errors="replace"))
            at += 2 + length
        return Info(*numbers, *names)

    def shutdown(self, how: int = 0) -> None:
        """Asks for power off (0), restart (1) or halt (2); the machine then ends on its own."""
        self.call(Op.SHUTDOWN, bytes([how]))

    def quit(self) -> None:
        """Ends the agent itself."""
        self.call(Op.QUIT)
