"""Makes multiboot2 blocks, and knows what the kernel must find in them."""

from __future__ import annotations

import dataclasses
import random
import struct

MAX_MAP, MAX_COMMAND_LINE, MAX_LOADER = 128, 2048, 64
END, COMMAND_LINE, LOADER, MODULE, MEMORY_MAP, ACPI_OLD, ACPI_NEW = 0, 1, 2, 3, 6, 14, 15


@dataclasses.dataclass
class Expected:
    """What a BootInfo holds afterwards; the same fields as the probe's answer."""

    entries: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    dropped: int = 0
    initrd: tuple[int, int] = (0, 0)
    rsdp: bytes = b""
    command_line: bytes = b""
    loader: bytes = b""


def decode(answer: bytes) -> tuple[int, Expected | None]:
    """errno and, if it is 0, what was found."""
    (error,) = struct.unpack_from("<I", answer)
    if error:
        return error, None
    count, dropped = struct.unpack_from("<II", answer, 4)
    at = 12 + 20 * count
    found = Expected(list(struct.iter_unpack("<QQI", answer[12:at])), dropped)
    found.initrd = struct.unpack_from("<QQ", answer, at)
    at += 16
    texts = []
    for _ in range(3):
        (length,) = struct.unpack_from("<I", answer, at)
        texts.append(answer[at + 4 : at + 4 + length])
        at += 4 + length
    found.rsdp, found.command_line, found.loader = texts
    return 0, found


def tag(kind: int, body: bytes, size: int | None = None) -> bytes:
    """A tag with its padding; `size` lies."""
    data = struct.pack("<II", kind, 8 + len(body) if size is None else size) + body
    return data + b"\xee" * (-len(data) % 8)


def block(*tags: bytes, end: bool = True) -> bytes:
    body = b"".join(tags) + (tag(END, b"") if end else b"")
    return struct.pack("<II", 8 + len(body), 0) + body


def map_body(entries, entry_size: int = 24, tail: bytes = b"") -> bytes:
    rows = [struct.pack("<QQI", *entry).ljust(entry_size, b"\xdd") for entry in entries]
    return struct.pack("<II", entry_size, 0) + b"".join(rows) + tail


def draw_entries(rng: random.Random, count: int):
    return [(rng.getrandbits(64), rng.getrandbits(64), rng.choice([1, 2, 3, 20, rng.getrandbits(32)])) for _ in range(count)]


def draw(rng: random.Random) -> tuple[bytes, Expected]:
    """A block as a loader might leave it: any order, strange tags, what does not fit."""
    expected, tags = Expected(), []
    for kind in rng.sample([COMMAND_LINE, LOADER, MODULE, MEMORY_MAP, ACPI_OLD, ACPI_NEW, 100, 101, 102], rng.randint(1, 9)):
        tags.append(_draw_tag(rng, kind, expected))
    return block(*tags), expected


def _draw_text(rng: random.Random, room: int) -> tuple[bytes, bytes]:
    """A tag's text, and as much of it as is kept."""
    text = bytes(rng.randint(32, 126) for _ in range(rng.choice([0, 1, 7, 30, room - 1, room, room + 9])))
    ending = rng.choice([b"\0", b"\0", b"", b"\0rest"])
    return text + ending, text[: room - 1]


def _draw_tag(rng: random.Random, kind: int, expected: Expected) -> bytes:
    if kind == COMMAND_LINE:
        body, expected.command_line = _draw_text(rng, MAX_COMMAND_LINE)
    elif kind == LOADER:
        body, expected.loader = _draw_text(rng, MAX_LOADER)
    elif kind == MODULE:
        start = rng.getrandbits(30)
        expected.initrd = (start, rng.randint(1, 1 << 24))
        body = struct.pack("<II", start, start + expected.initrd[1]) + b"initrd\0"[: rng.randint(0, 7)]
    elif kind == MEMORY_MAP:
        entries = draw_entries(rng, rng.choice([0, 1, 5, 20, MAX_MAP, MAX_MAP + 3]))
        expected.entries, expected.dropped = entries[:MAX_MAP], max(0, len(entries) - MAX_MAP)
        body = map_body(entries, rng.choice([24, 24, 32, 40, 25]), bytes(rng.randint(0, 23)))
    elif kind in (ACPI_OLD, ACPI_NEW):
        body = rng.randbytes(20 if kind == ACPI_OLD else 36)
        expected.rsdp = max(expected.rsdp, body, key=len)
    else:
        kind = rng.choice([4, 5, 8, 9, 10, 12, 17, 21, 0x1000, rng.getrandbits(32) | 1 << 20])
        body = rng.randbytes(rng.randint(0, 40))
    return tag(kind, body)
