"""A very small client of the gdb remote protocol: hardware breakpoints, continue, interrupt."""

from __future__ import annotations

import socket
from typing import Callable

from .errors import InfrastructureFault


class GdbStub:
    """Talks to QEMU's stub. Connecting stops the machine, as gdb expects."""

    def __init__(self, line: socket.socket):
        self._line = line
        self._buffer = b""
        self._ask(b"?")

    def run_to(self, address: int, watch: Callable[[], None]) -> None:
        """Continues until `address` is about to be executed. `watch` may raise meanwhile."""
        where = b"1,%x,1" % address
        if self._ask(b"Z" + where) != b"OK":
            raise InfrastructureFault("QEMU refuses the breakpoint")
        self._send(b"c")
        try:
            while self._receive(0.25) is None:
                watch()
        except BaseException:
            self._line.sendall(b"\x03")
            self._receive(5)
            raise
        finally:
            self._ask(b"z" + where)

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
