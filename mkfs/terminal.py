"""A person's terminal as the console of an emulator.

raw_terminal() lends the terminal out: keys reach the guest one by one and unchanged (^C too), and
the guest's bytes reach the screen unchanged. It is given back as it was, whatever happens.
relay() carries bytes between the terminal and a descriptor until one side ends or Ctrl-A X is
typed; Ctrl-A Ctrl-A sends one Ctrl-A. When standard input is no terminal (a pipe), its bytes are
passed on as they are, and its end does not end the relay: a script may still want the output.
"""
import contextlib
import os
import select
import sys
import termios
import tty

ESCAPE = 0x01  # Ctrl-A


class Keys:
    """Filters what is typed: finds Ctrl-A X, also when the two bytes arrive apart."""

    def __init__(self):
        self.escaped = False
        self.quit = False

    def feed(self, typed):
        """The bytes to pass on; sets `quit` when the person asked for the end."""
        passed = bytearray()
        for byte in typed:
            if self.escaped:
                self.escaped = False
                if byte in b"xX":
                    self.quit = True
                    break
                passed += bytes([byte]) if byte == ESCAPE else bytes([ESCAPE, byte])
            elif byte == ESCAPE:
                self.escaped = True
            else:
                passed.append(byte)
        return bytes(passed)


@contextlib.contextmanager
def raw_terminal(raw=True):
    """Lends the terminal out. raw=False only keeps \\n from becoming \\r\\n on the way out, for a
    program (QEMU) that makes the rest raw by itself but leaves output processing on."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        if raw:
            tty.setraw(sys.stdin)
        else:
            changed = termios.tcgetattr(sys.stdin)
            changed[1] &= ~termios.ONLCR
            termios.tcsetattr(sys.stdin, termios.TCSANOW, changed)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def relay(descriptor, is_alive, screen=None):
    """Relays until the person quits ("quit") or the other side ends ("ended"). `is_alive` is
    asked several times a second, for a side that can end without closing its descriptor."""
    screen = sys.stdout.fileno() if screen is None else screen
    keys, sources = Keys(), [descriptor, sys.stdin.fileno()]
    while True:
        ready = select.select(sources, [], [], 0.2)[0]
        if descriptor in ready:
            try:
                received = os.read(descriptor, 4096)
            except OSError:  # a pty whose other side is closed
                received = b""
            if not received:
                return "ended"
            write_all(screen, received)
        elif not is_alive():
            return "ended"
        if sys.stdin.fileno() in ready:
            typed = os.read(sys.stdin.fileno(), 256)
            if not typed:
                sources.remove(sys.stdin.fileno())
            write_all(descriptor, keys.feed(typed))
        if keys.quit:
            return "quit"
