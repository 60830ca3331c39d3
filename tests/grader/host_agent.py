"""Runs the real agent on the host behind a pty, with a line that can be made bad on purpose."""

from __future__ import annotations

import os
import pathlib
import pty
import random
import subprocess
import tty

from vitrine_grader.agent import Agent
from vitrine_grader.channel import Channel

KEY = bytes(range(16))


class HostAgent:
    """The agent process and a Channel to it; a context manager."""

    def __init__(self, binary: pathlib.Path, tmp: pathlib.Path, key: bytes = KEY):
        keyfile = tmp / "agent.key"
        keyfile.write_text(key.hex() + "\n")
        master, slave = pty.openpty()
        tty.setraw(slave)
        path = os.ttyname(slave)
        self.process = subprocess.Popen([binary, "-d", path, "-k", keyfile])
        self.channel = Channel(master)
        self._slave = slave

    def __enter__(self) -> "HostAgent":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        self.channel.close()
        os.close(self._slave)

    def client(self, **kw) -> Agent:
        agent = Agent(self.channel, KEY, **kw)
        agent.hello()
        return agent


class BadLine:
    """A Channel look-alike that hurts bytes in both directions, reproducibly from a seed.

    rates: drop, flip and babble are per byte, dup per chunk.
    """

    def __init__(self, channel: Channel, seed: int, **rates: float):
        self._channel = channel
        self._random = random.Random(seed)
        self._rates = rates
        self._seen = channel.position
        self._received = bytearray()

    @property
    def position(self) -> int:
        return len(self._received)

    def _hurt(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.random() < self._rates.get("drop", 0):
                continue
            if self._random.random() < self._rates.get("flip", 0):
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
            if self._random.random() < self._rates.get("babble", 0):
                out += self._random.randbytes(self._random.randrange(1, 60))
        if self._random.random() < self._rates.get("dup", 0):
            out += bytes(out)
        return bytes(out)

    def send(self, data: bytes) -> bool:
        return self._channel.send(self._hurt(data))

    def since(self, position: int) -> bytes:
        return bytes(self._received[position:])

    def wait_beyond(self, position: int, timeout: float) -> bool:
        if self.position > position:
            return True
        self._channel.wait_beyond(self._seen, timeout)
        data = self._channel.since(self._seen)
        self._seen += len(data)
        self._received += self._hurt(data)
        return self.position > position
