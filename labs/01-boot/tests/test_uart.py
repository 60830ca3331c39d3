"""Task 2: the UART, on a third serial port that only the tests use. What counts is what arrives."""

from __future__ import annotations

import socket
import struct
import time

from conftest import COM3

from vitrine_grader.caller import AgentProbes
from vitrine_grader.channel import connect_unix
from vitrine_grader.failure import check, check_equal
from vitrine_grader.machine import SECOND, load_scale
from vitrine_grader.plugin import points

COM4 = 0x2E8  # nobody there
INIT, WRITE, TEXT = 0, 1, 2


def ask(probes, operation: int, data: bytes = b"", *, port: int = COM3, baud: int = 115200, before=(3, 0, 0)) -> dict[str, int]:
    answer = probes.ask("boot_uart", struct.pack("<HBI3B", port, operation, baud, *before) + data)
    names = ("result", "lcr", "mcr", "ier", "iir", "divisor")
    return dict(zip(names, struct.unpack("<I4BH", answer)))


def connect(machine) -> socket.socket:
    """The far end of QEMU's COM3."""
    return connect_unix(f"{machine.folder}/com3.sock", time.monotonic() + 5 * load_scale())


def received(line: socket.socket, count: int) -> bytes:
    """`count` bytes, and what else comes at once."""
    data = b""
    while True:
        line.settimeout(0.05 if len(data) >= count else 1.5 * load_scale())  # the guest is done already
        try:
            data += line.recv(65536)
        except TimeoutError:
            return data


def draw_text(rng, length: int) -> bytes:
    return bytes(rng.choice(b"\n\r abcdefghijklmnopqrstuvwxyz\xff\x80%0123456789\0") for _ in range(length))


@points(4, task="2", function="Uart::init", handout="handouts/01-boot.md, task 2", emulators=["qemu"])
def test_uart_registers(direct, rng, emu):
    """init() leaves the registers as its contract says, whatever they were, and knows an empty port"""
    for _ in range(12):
        divisor = rng.choice([1, 2, 3, 12, 48, 96, 384, 1152, 2304])
        before = (rng.getrandbits(8), rng.getrandbits(5), rng.getrandbits(4))
        found = ask(direct, INIT, baud=115200 // divisor, before=before)
        what = f"after init({115200 // divisor})"
        check_equal(found["result"], 1, "init() finds the UART")
        check_equal(found["divisor"], divisor, f"{what} the divisor is {divisor}")
        check_equal(found["lcr"], 3, f"{what} the line is 8N1, the divisor latch closed")
        check_equal(found["ier"], 0, f"{what} interrupts are off")
        check_equal(found["mcr"], 0x0B, f"{what} DTR, RTS and OUT2 are on")
        check_equal(found["iir"] & 0xC0, 0xC0, f"{what} the FIFOs are on")
    check_equal(ask(direct, INIT, port=COM4)["result"], 0, "init() says false where there is no UART")


@points(3, task="2", function="Uart::write", handout="handouts/01-boot.md, task 2", requires=["test_uart_registers"], emulators=["qemu"])
def test_uart_stuck(direct, rng, emu):
    """write() gives up when the transmitter never has room, and writes nothing then"""
    ask(direct, INIT)
    direct.limit_ns = SECOND // 50  # ten times what write() may wait
    data = bytes(rng.randrange(256) for _ in range(3000))
    with connect(direct.machine) as line:  # nobody reads yet: the line fills up
        taken = ask(direct, WRITE, data)["result"]
        check(0 < taken < len(data), "write() says false on a line that is stuck", observed=f"{taken} of {len(data)} taken")
        check_equal(ask(direct, WRITE, b"x")["result"], 0, "and says so again")
        check_equal(received(line, taken), data[:taken], "what arrives is what write() took, neither more nor less")


@points(3, task="2", function="Uart::write_text", handout="handouts/01-boot.md, task 2", requires=["test_uart_registers"], emulators=["qemu"])
def test_uart_text(direct, rng, emu):
    """write_text() puts a carriage return before each newline and leaves all other bytes alone"""
    ask(direct, INIT)
    with connect(direct.machine) as line:
        for text in (b"one\ntwo\r\n\n", b"", b"\n", *(draw_text(rng, 120) for _ in range(5))):  # short: nobody reads meanwhile
            ask(direct, TEXT, text)
            expected = text.replace(b"\n", b"\r\n")
            check_equal(received(line, len(expected)), expected, f"write_text({text[:40]!r}...) on the wire")


@points(3, task="2", function="Uart::write", handout="handouts/01-boot.md, task 2", emulators=["bochs"])
def test_uart_timed(com3_machine, rng, emu):
    """on a UART that takes its time no byte is lost"""
    probes, path = AgentProbes(com3_machine.agent), com3_machine.folder / "com3.out"
    check_equal(ask(probes, INIT, before=(3, 0x0B, 0))["result"], 1, "init() finds the UART")
    text = draw_text(rng, 500)
    ask(probes, TEXT, text)
    expected, deadline = text.replace(b"\n", b"\r\n"), time.monotonic() + 5 * load_scale()
    while len(path.read_bytes()) < len(expected) and time.monotonic() < deadline:
        time.sleep(0.05)
    check_equal(path.read_bytes(), expected, "every byte arrives, in order")
