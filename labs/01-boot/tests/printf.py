"""The oracle of the formatting tests: the C library's own snprintf, and what printk adds to it."""

from __future__ import annotations

import ctypes
import dataclasses
import random
import struct

SIGNED, UNSIGNED, CHAR, BOOL, ERROR, POINTER, TEXT, CSTRING = range(1, 9)  # FormatArg::Kind
NULL = 0xFFFFFFFF
_snprintf = ctypes.CDLL(None).snprintf


@dataclasses.dataclass(frozen=True)
class Arg:
    """One argument; `value` is an int, or bytes for texts, or None for a null pointer."""

    kind: int
    value: int | bytes | None
    size: int = 8

    def encode(self) -> bytes:
        if self.kind in (TEXT, CSTRING):
            data = self.value if self.value is not None else b""
            length = NULL if self.value is None else len(data)
            return struct.pack("<BBQI", self.kind, 8, 0, length) + data
        return struct.pack("<BBQ", self.kind, self.size, self.value & (1 << 64) - 1)


def encode(room: int, format: bytes, args: list[Arg]) -> bytes:
    """The input of the probe boot_format."""
    return struct.pack("<II", room, len(args)) + b"".join(arg.encode() for arg in args) + format + b"\0"


def c_printf(directive: str, *values) -> bytes:
    """What the C library makes of one directive; ints go in as long long."""
    out = ctypes.create_string_buffer(16384)
    converted = [ctypes.c_longlong(v) if isinstance(v, int) else ctypes.c_char_p(v) for v in values]
    length = _snprintf(out, ctypes.c_size_t(len(out)), directive.encode(), *converted)
    assert 0 <= length < len(out)
    return out.raw[:length]


def flags_of(rng: random.Random, choices: str) -> str:
    return "".join(c for c in choices if rng.random() < 0.3)


def draw_integer(rng: random.Random, signed: bool) -> Arg:
    """Numbers near the ends of their types, zeros, and ordinary ones."""
    size = rng.choice([1, 2, 4, 8])
    bits = 8 * size
    magnitude = rng.choice([0, 1, 7, (1 << bits - 1) - 1, 1 << bits - 1, rng.getrandbits(rng.randint(1, bits))])
    magnitude &= (1 << bits) - 1
    if not signed:
        return Arg(UNSIGNED, magnitude, size)
    return Arg(SIGNED, magnitude - (1 << bits) if magnitude >> bits - 1 else magnitude, size)


def draw_number(rng: random.Random) -> tuple[bytes, list[Arg], bytes]:
    """A directive for a number: format, arguments, expected text."""
    letter = rng.choice("dixXou")
    arg = draw_integer(rng, letter in "di" or rng.random() < 0.4)
    flags = flags_of(rng, "-0 +#" if letter in "di" else "-0#")
    if letter in "diu":
        flags = flags.replace("#", "")
    width = rng.choice(["", "", str(rng.randint(1, 30))])
    precision = rng.choice(["", "", "." + str(rng.randint(0, 24)), "."])
    value = arg.value
    if letter not in "di":
        value &= (1 << 8 * arg.size) - 1
    elif arg.kind == UNSIGNED:
        letter = "u"
    spec = f"%{flags}{width}{precision}"
    shown = rng.choice(["", "l", "ll", "h", "hh", "z"])
    signed_value = value - (1 << 64) if value >> 63 else value
    return f"{spec}{shown}{letter}".encode(), [arg], c_printf(f"{spec}ll{letter}", signed_value)


def draw_text(rng: random.Random) -> tuple[bytes, list[Arg], bytes]:
    """A directive for a text, a character or a pointer."""
    left = rng.choice(["", "-"])
    width = rng.choice(["", str(rng.randint(1, 20))])
    letter = rng.choice("sssscp")
    if letter == "c":
        char = rng.randint(33, 126)
        return f"%{left}{width}c".encode(), [Arg(CHAR, char, 1)], c_printf(f"%{left}{width}s", bytes([char]))
    if letter == "p":
        value = rng.getrandbits(rng.randint(1, 64))
        expected = c_printf(f"%{left}{width}s", b"0x%016x" % value)
        return f"%{left}{width}p".encode(), [Arg(POINTER, value)], expected
    text = bytes(rng.choice(b"abcxyz0189 %") for _ in range(rng.choice([0, 1, 5, 12, 40])))
    precision = rng.choice(["", "." + str(rng.randint(0, 15)), "."])
    spec = f"%{left}{width}{precision}s"
    if rng.random() < 0.5:
        return spec.encode(), [Arg(TEXT, text)], c_printf(spec, text)  # a text has no NUL behind it
    return spec.encode(), [Arg(CSTRING, text + b"\0")], c_printf(spec, text)


def draw_star(rng: random.Random) -> tuple[bytes, list[Arg], bytes]:
    """Width, precision or both as arguments, also negative ones."""
    number = draw_integer(rng, True)
    stars = rng.choice(["*", "*.*", ".*"])
    values = [rng.randint(-25, 25) for _ in range(stars.count("*"))]
    spec = f"%{flags_of(rng, '-0+')}{stars}"
    args = [Arg(SIGNED, value, 4) for value in values] + [number]
    literal = spec
    for value in values:  # snprintf wants int here: write the numbers out
        place = literal.index("*")
        before, after = literal[:place], literal[place + 1 :]
        if before.endswith("."):
            literal = before + str(value) + after if value >= 0 else before[:-1] + after
        else:
            literal = before + (str(value) if value >= 0 else f"-{-value}") + after
    literal = literal.replace("%0-", "%-0").replace("%+-", "%-+")
    return f"{spec}d".encode(), args, c_printf(normal(literal) + "lld", number.value)


def normal(directive: str) -> str:
    """Flags first: a width of -7 that was written out puts its sign behind other flags."""
    body = directive[1:]
    count = 0
    while count < len(body) and body[count] in "-+0":
        count += 1
    return "%" + "".join(sorted(set(body[:count]), key="-+0".index)) + body[count:]
