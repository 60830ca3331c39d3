"""A small client of the gdb remote protocol: hardware breakpoints, continue, interrupt, and reading
and writing registers and memory of a stopped machine."""

from __future__ import annotations

import socket
import struct
from typing import Callable

from .errors import InfrastructureFault

_PIECE = 1024  # bytes of memory in one packet; QEMU takes packets of 4 KiB, in hexadecimal
_NAMES = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags".split()
_GENERAL = struct.Struct("<17QI")  # in the order of the stub
_CR3 = struct.Struct("<16xQ")  # of what follows: cr0, cr2, cr3
_CR0_AT = _GENERAL.size + 6 * 4 + 3 * 8  # segments, and the bases of FS and GS


class GdbStub:
    """Talks to QEMU's stub. Connecting stops the machine, as gdb expects."""

    def __init__(self, line: socket.socket):
        self._line = line
        self._buffer = b""
        self._physical = False
        self._ask(b"?")

    def run_to(self, *addresses: int, watch: Callable[[], None]) -> None:
        """Continues until one of `addresses` is about to be executed, or the machine stops for
        another reason. `watch` may raise meanwhile."""
        places = [b"1,%x,1" % address for address in addresses]
        for where in places:
            self._require(b"Z" + where, "the breakpoint")
        self._send(b"c")
        try:
            while self._receive(0.25) is None:
                watch()
        except BaseException:
            self._line.sendall(b"\x03")
            self._receive(5)
            raise
        finally:
            for where in places:
                self._ask(b"z" + where)

    def read(self, address: int, length: int) -> bytes:
        """Linear memory as the processor sees it now. LookupError if it is not mapped."""
        self._address_physically(False)
        return self._read(address, length)

    def read_physical(self, address: int, length: int) -> bytes:
        """Guest-physical memory. LookupError if there is none."""
        self._address_physically(True)
        return self._read(address, length)

    def cr3(self, cpu: int = 0) -> int:
        """What processor `cpu` has loaded as its top-level page table."""
        self._require(b"Hg%x" % (cpu + 1), f"processor {cpu}")
        data = bytes.fromhex(self._ask(b"g").decode())
        self._require(b"Hg1", "processor 0")
        return _CR3.unpack_from(data, _CR0_AT)[0]

    def _address_physically(self, physical: bool) -> None:
        if physical != self._physical:
            self._require(b"Qqemu.PhyMemMode:%d" % physical, "physical addresses")
            self._physical = physical

    def _read(self, address: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            step = min(_PIECE, length - len(data))
            reply = self._ask(b"m%x,%x" % (address + len(data), step))
            if reply.startswith(b"E"):
                raise LookupError(f"{address + len(data):#x} cannot be read")
            data += bytes.fromhex(reply.decode())
        return bytes(data)

    def write(self, address: int, data: bytes) -> None:
        """Linear memory. InfrastructureFault if it is not mapped: the grader chose the address."""
        self._address_physically(False)
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            command = b"M%x,%x:" % (address + at, len(piece))
            self._require(command + piece.hex().encode(), f"to write at {address + at:#x}")

    def registers(self) -> dict[str, int]:
        """rax .. r15, rip, eflags of a processor in 64-bit mode."""
        data = bytes.fromhex(self._ask(b"g")[: 2 * _GENERAL.size].decode())
        return dict(zip(_NAMES, _GENERAL.unpack(data)))

    def set_registers(self, **values: int) -> None:
        """Those named; the others become 0."""
        data = _GENERAL.pack(*(values.pop(name, 0) for name in _NAMES))
        if values:
            raise ValueError(f"no such register: {', '.join(values)}")
        self._require(b"G" + data.hex().encode(), "registers")

    def _require(self, command: bytes, what: str) -> None:
        if self._ask(command) != b"OK":
            raise InfrastructureFault(f"QEMU refuses {what}")

    def close(self) -> None:
        self._line.close()

    def _send(self, body: bytes) -> None:
        self._line.sendall(b"$%b#%02x" % (body, sum(body) & 0xFF))

    def _ask(self, body: bytes) -> bytes:
        self._send(body)
        reply = self._receive(30)
        if reply is None:
            raise InfrastructureFault("QEMU's gdb stub does not answer")
        return reply

    def _receive(self, timeout: float) -> bytes | None:
        """One packet, acknowledged; None when none came in time (or the machine is gone)."""
        self._line.settimeout(timeout)
        while b"#" not in self._buffer or len(self._buffer) < self._buffer.index(b"#") + 3:
            try:
                got = self._line.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                got = b""
            if not got:
                return None
            self._buffer += got
        end = self._buffer.index(b"#")
        body = self._buffer[self._buffer.index(b"$") + 1 : end]
        self._buffer = self._buffer[end + 3 :]
        self._line.sendall(b"+")
        return body
