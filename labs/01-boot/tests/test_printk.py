"""Task 1: printk's formatting. Every expectation comes from the C library, run beside."""

from __future__ import annotations

import struct

import printf
from printf import Arg

from vitrine_grader.failure import check_equal
from vitrine_grader.plugin import points

FENCE, FILL = 32, b"\xa5"


def format_of(probes, format: bytes, args: list[Arg], room: int = 4096) -> tuple[int, bytes]:
    """What vformat returned, and the bytes of its buffer and of the fence behind."""
    answer = probes.ask("boot_format", printf.encode(room, format, args))
    return struct.unpack_from("<I", answer)[0], answer[4:]


def check_text(probes, format: bytes, args: list[Arg], expected: bytes) -> None:
    length, memory = format_of(probes, format, args)
    shown = ", ".join(str(arg.value) for arg in args)
    text = memory.split(b"\0")[0]
    check_equal(text, expected, f"format({format!r}, {shown}) gives what the C library gives")
    check_equal(length, len(expected), f"format({format!r}, {shown}) returns the length of its text")


@points(7, task="1", function="to_digits, put_number", handout="handouts/01-boot.md, task 1", emulators=["qemu"])
def test_printk_numbers(direct, rng, emu):
    """numbers look as printf prints them: base, sign, width, precision, flags"""
    for fixed in ((b"%d", [Arg(printf.SIGNED, 0, 4)], b"0"), (b"%05d", [Arg(printf.SIGNED, -42, 4)], b"-0042"),
                  (b"%x", [Arg(printf.SIGNED, -1, 4)], b"ffffffff"), (b"%50d", [Arg(printf.SIGNED, 7, 4)], b" " * 49 + b"7"),
                  (b"%-05dx", [Arg(printf.SIGNED, 7, 4)], b"7    x"), (b"%06.3d", [Arg(printf.SIGNED, 7, 4)], b"   007")):  # fmt: skip
        check_text(direct, *fixed)
    for _ in range(150):
        check_text(direct, *printf.draw_number(rng))


@points(4, task="1", function="put_text", handout="handouts/01-boot.md, task 1", emulators=["qemu"])
def test_printk_texts(direct, rng, emu):
    """texts, characters and pointers are padded and cut as printf does it"""
    check_text(direct, b"[%5.2s]", [Arg(printf.TEXT, b"abc")], b"[   ab]")
    check_text(direct, b"[%-5.2s]", [Arg(printf.TEXT, b"abc")], b"[ab   ]")
    check_text(direct, b"[%.0s]", [Arg(printf.TEXT, b"abc")], b"[]")
    check_text(direct, b"%s", [Arg(printf.CSTRING, None)], b"(null)")
    for _ in range(80):
        check_text(direct, *printf.draw_text(rng))


@points(4, task="1", function="parse_spec", handout="handouts/01-boot.md, task 1", emulators=["qemu"])
def test_printk_directives(direct, rng, emu):
    """a directive is read exactly: `*`, a format that ends early, arguments missing or left over"""
    number = Arg(printf.SIGNED, 5, 4)
    for format, args, expected in (
        (b"%", [], b"%!(no letter)"), (b"a%5", [], b"a%!(no letter)"), (b"%-08.3l", [], b"%!(no letter)"),
        (b"%.", [], b"%!(no letter)"), (b"%d", [], b"%!d(missing)"), (b"x", [number], b"x%!(extra)"),
        (b"%q", [number], b"%!q(unknown)%!(extra)"), (b"%%%d%%", [number], b"%5%"),
        (b"%*d", [Arg(printf.TEXT, b"w"), number], b"%!*(string)d%!(extra)"),
        (b"%.*d", [Arg(printf.TEXT, b"w"), number], b"%!*(string)d%!(extra)"),
        (b"%0*d", [Arg(printf.SIGNED, -4, 4), number], b"5   "),
    ):  # fmt: skip
        check_text(direct, format, args, expected)
    for _ in range(80):
        check_text(direct, *printf.draw_star(rng))
    mixed = [printf.draw_number(rng) for _ in range(5)]
    joined = b"|".join(directive for directive, _, _ in mixed)
    check_text(direct, joined, [arg for _, args, _ in mixed for arg in args], b"|".join(text for *_, text in mixed))
