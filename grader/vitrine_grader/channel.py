"""A byte channel to the guest that is always drained.

Bochs drops bytes silently when its pty is not read at once (EMULATORS 1), so a thread per
channel reads all the time into memory and the log; nobody ever waits on the descriptor itself.
"""

from __future__ import annotations

import os
import pathlib
import select
import socket
import threading
import time


class Channel:
    """One serial line. Reading threads append; `condition` wakes whoever waits for bytes.

    `data` holds everything ever received (bounded by LIMIT: then the oldest half goes and
    `dropped` grows), so a position into the stream is `dropped + index`.
    """

    LIMIT = 64 << 20

    def __init__(self, fd: int, log: pathlib.Path | None = None):
        self._fd = fd
        self._log = open(log, "wb", buffering=0) if log else None
        self._stop_read, self._stop_write = os.pipe()
        self._write_lock = threading.Lock()
        self.condition = threading.Condition()
        self.data = bytearray()
        self.dropped = 0
        self.closed = False
        self.last_byte = time.monotonic()
        os.set_blocking(fd, False)
        self._thread = threading.Thread(target=self._drain, daemon=True, name="serial")
        self._thread.start()

    @property
    def position(self) -> int:
        """The stream position behind the last byte received."""
        return self.dropped + len(self.data)

    def since(self, position: int) -> bytes:
        """Everything received from `position` on."""
        with self.condition:
            return bytes(self.data[max(0, position - self.dropped) :])

    def wait_beyond(self, position: int, timeout: float) -> bool:
        """Waits (wall time) until there is something behind `position`."""
        with self.condition:
            self.condition.wait_for(lambda: self.closed or self.position > position, timeout)
            return self.position > position

    def wait_closed(self, timeout: float) -> bool:
        """Waits until the other side has closed and all it sent has arrived."""
        with self.condition:
            return self.condition.wait_for(lambda: self.closed, timeout)

    def send(self, data: bytes, give_up: float = 30.0) -> bool:
        """Writes all of `data`; False if the line closed or took nothing for `give_up` seconds."""
        with self._write_lock:
            view = memoryview(data)
            while view and not self.closed:
                try:
                    if not select.select([], [self._fd], [], give_up)[1]:
                        return False
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    continue
                except (OSError, ValueError):
                    return False
            return not view

    def close(self) -> None:
        """Stops the thread and closes the descriptor. May be called twice."""
        if self._fd < 0:
            return
        os.write(self._stop_write, b"x")
        self._thread.join()
        for fd in (self._fd, self._stop_read, self._stop_write):
            os.close(fd)
        self._fd = -1
        if self._log:
            self._log.close()

    def _drain(self) -> None:
        while True:
            try:
                ready = select.select([self._fd, self._stop_read], [], [])[0]
                got = os.read(self._fd, 65536) if self._fd in ready else None
            except BlockingIOError:
                continue
            except OSError:  # EIO: a pty whose other side closed
                got = b""
            if got:
                self._take(got)
            elif got == b"" or self._stop_read in ready:
                break
        with self.condition:
            self.closed = True
            self.condition.notify_all()

    def _take(self, got: bytes) -> None:
        if self._log:
            self._log.write(got)
        with self.condition:
            self.data += got
            if len(self.data) > self.LIMIT:
                drop = len(self.data) // 2
                del self.data[:drop]
                self.dropped += drop
            self.last_byte = time.monotonic()
            self.condition.notify_all()


def connect_unix(path: str, deadline: float) -> socket.socket:
    """Connects to a unix socket that may not exist yet; raises OSError after `deadline`."""
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(path)
            return line
        except OSError:
            line.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
