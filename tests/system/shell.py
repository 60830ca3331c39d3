"""Types at the prompt of a machine's shell, as a person does, and reads what comes back.

A program that wants the terminal's size (vi) moves the cursor as far as it goes and asks where it is;
a thread answers as a terminal of 24 lines and 80 columns. Where a command's output begins and ends is
told by words that the shell computes itself, so that the echo of what was typed is never an answer.
"""
import re
import threading
import time

from vitrine_grader.machine import SECOND, load_scale

LIMIT = 60 * SECOND  # of guest time, which is real time on QEMU: only a hang gets there
_SIZE = b"\x1b[999;999H\x1b[6n"  # the prompt, too, asks for the cursor, but can do without an answer


class Shell:
    """The prompt of `machine`, which is waited for."""

    def __init__(self, machine, limit=LIMIT):
        self.machine, self._limit, self._number, self.status = machine, limit, 1000, None
        self._keyboard = threading.Lock()
        threading.Thread(target=self._tell_size, daemon=True).start()
        self.expect(r"# (\x1b\[6n)?$")
        assert self.run("echo ready") == "ready\n"

    def _tell_size(self):
        channel, position, seen = self.machine.console.channel, 0, 0
        while not channel.closed:
            channel.wait_beyond(seen, 1)
            text = channel.since(position)
            seen = position + len(text)
            if (at := text.find(_SIZE)) >= 0:
                self.send("\x1b[24;80R")
                position += at + len(_SIZE)
            else:
                position += max(0, len(text) - len(_SIZE))

    def expect(self, pattern):
        """Waits for it behind everything that was read so far."""
        return self.machine.console.expect(pattern, self._limit)

    def send(self, text):
        """Types. Bochs' 16550 has 16 bytes of room and no flow control, so there as fast as a person."""
        channel, burst = self.machine.console.channel, 8 if self.machine.name == "bochs" else 4096
        with self._keyboard:
            for at in range(0, len(text), burst):
                before = channel.position
                channel.send(text[at : at + burst].encode())
                if at + burst < len(text):
                    channel.wait_beyond(before, 0.3)  # the echo, if it is on
                    time.sleep(0.03 * load_scale())

    def begin(self, command):
        """Types the command; `output()` waits for its end."""
        self._number += 1
        mark = f"$(({self._number - 1} + 1))"
        joint = "" if command.endswith("&") else ";"
        self.send(f"echo begin-{mark}-; {command}{joint} echo end-{mark}-$?-\r")
        self.expect(rf"begin-{self._number}-\r\n")

    def output(self):
        """What the command that begin() typed has printed; its exit status is in `status`."""
        found = self.expect(rf"end-{self._number}-(\d+)-\r\n")
        self.status = int(found[1])
        return found.string[: found.start()].decode(errors="replace").replace("\r", "")

    def run(self, command):
        self.begin(command)
        return self.output()
