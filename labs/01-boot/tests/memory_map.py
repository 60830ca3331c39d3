"""The oracle of the memory tests, and the maps they ask about."""

from __future__ import annotations

import random
import struct

PAGE = 4096
TOP = (1 << 64) - 1
MAX_PHYS = 512 << 30
USABLE = 1
Entry = tuple[int, int, int]  # start, length, type
Range = tuple[int, int]


def encode(entries: list[Entry], kernel: Range = (0x100000, 0x300000), initrd: Range = (0, 0)) -> bytes:
    """The input of the probe boot_memory_map."""
    head = struct.pack("<QQQQI", *kernel, *initrd, len(entries))
    return head + b"".join(struct.pack("<QQI", *entry) for entry in entries)


def decode(answer: bytes) -> tuple[int, list[Range], list[Range]]:
    """errno, RAM, what is reserved."""
    (error,) = struct.unpack_from("<I", answer)
    if error:
        return error, [], []
    lists, at = [], 4
    for _ in range(2):
        (count,) = struct.unpack_from("<I", answer, at)
        lists.append(list(struct.iter_unpack("<QQ", answer[at + 4 : at + 4 + 16 * count])))
        at += 4 + 16 * count
    return 0, *lists


def _union(ranges: list[Range]) -> list[Range]:
    joined: list[list[int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return [(start, end) for start, end in joined]


def _minus(ranges: list[Range], holes: list[Range]) -> list[Range]:
    left = []
    for start, end in ranges:
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if hole_start > start:
                left.append((start, hole_start))
            start = max(start, hole_end)
        if start < end:
            left.append((start, end))
    return left


def ram_of(entries: list[Entry]) -> list[Range]:
    """Whole pages that usable entries cover and no other entry touches, below MAX_PHYS."""
    usable, claimed = [], [(MAX_PHYS, 1 << 65)]
    for start, length, kind in entries:
        end = min(start + length, TOP)
        if kind == USABLE:
            usable.append((-(-start // PAGE) * PAGE, end // PAGE * PAGE))
        elif length:
            claimed.append((start // PAGE * PAGE, -(-end // PAGE) * PAGE))
    return _minus(_union(usable), _union(claimed))


def is_clear(entries: list[Entry]) -> bool:
    """True unless two usable entries share a page that neither covers: then it is a matter of
    taste whether that page is RAM."""
    edges = [(start, min(start + length, TOP)) for start, length, kind in entries if kind == USABLE and length]
    broken = [page for pair in edges for page in {edge // PAGE for edge in pair if edge % PAGE}]
    return len(broken) == len(set(broken))


def draw(rng: random.Random) -> list[Entry]:
    """A map such as firmware might write on a bad day. No wrapping."""
    while True:
        entries = []
        for _ in range(rng.randint(1, 14)):
            unit = rng.choice([1, 16, PAGE, PAGE, 1 << 20])
            start = rng.randrange(0, (256 << 20) // unit) * unit
            length = rng.choice([0, rng.randrange(1, (64 << 20) // unit + 1) * unit, rng.randint(1, 3 * PAGE)])
            kind = rng.choice([USABLE, USABLE, USABLE, 2, 3, 4, 5, 0, 6, 12, 20, 0xFFFFFFFF])
            entries.append((start, length, kind))
        if is_clear(entries):
            return entries
