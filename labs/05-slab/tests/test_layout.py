"""Task 1: what a slot holds, and how many make a slab; asked directly."""

from __future__ import annotations

import dataclasses
import struct

from caches import HWCACHE, POISON, RCU, RED_ZONE, STORE_USER

from vitrine_grader.failure import check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/05-slab.md, task 1"
EINVAL, LARGEST = 22, 4096 << 10


def up(value: int, step: int) -> int:
    return -(-value // step) * step


@dataclasses.dataclass(frozen=True)
class Needs:
    size: int
    align: int = 0
    flags: int = 0
    ctor: int = 0
    tracks: int = 128

    def row(self) -> bytes:
        return struct.pack("<IIIBI", self.size, self.align, self.flags, self.ctor, self.tracks)


def order_of_one(size: int) -> int:
    return max(0, (size - 1).bit_length() - 12)


def order_of(size: int) -> int:
    """The handout's rule."""
    for objects in range(min(8, 32768 // size), 1, -1):
        for fraction in (16, 8, 4):
            for order in range(4):
                slab = 4096 << order
                if slab >= objects * size and slab % size <= slab // fraction:
                    return order
    return order_of_one(size)


def model(needs: Needs) -> tuple[int, ...]:
    """errno, size, inuse, offset, red_left_pad, align, objects, order, min_order."""
    wrong = (EINVAL, *[0] * 8)
    if needs.align & needs.align - 1 or not 0 < needs.size <= LARGEST:
        return wrong
    line = 64
    while needs.size <= line // 2:
        line //= 2
    align = max(needs.align, line if needs.flags & HWCACHE else 0, 8)
    inuse = up(needs.size, 8)
    red = needs.flags & RED_ZONE
    inuse += 8 if red and inuse == needs.size else 0
    end = inuse
    if needs.ctor or needs.size < 8 or needs.flags & (POISON | RCU):
        offset, end = inuse, inuse + 8
    else:
        offset = needs.size // 2 // 8 * 8
    end += needs.tracks if needs.flags & STORE_USER else 0
    pad = max(8, align) if red else 0
    end += 8 + pad if red else 0
    size = up(end, align)
    if order_of_one(size) > 10:
        return wrong
    order = order_of(size)
    return 0, size, inuse, offset, pad, align, min((4096 << order) // size, 32767), order, order_of_one(size)


NAMES = "errno size inuse offset red_left_pad align objects order min_order".split()


def check_layouts(direct, asked: list[Needs], *names: str) -> None:
    answer = direct.ask("slab_layout", b"".join(needs.row() for needs in asked))
    for needs, words in zip(asked, struct.iter_unpack("<9I", answer)):
        for name, word, expected in zip(NAMES, words, model(needs)):
            if name in names:
                check_equal(word, expected, f"{name} for an object of {needs.size} bytes (align {needs.align}, flags {needs.flags:#x}, "
                            f"{'a' if needs.ctor else 'no'} constructor)")  # fmt: skip


def sizes(rng, count: int) -> list[int]:
    return [rng.randrange(1, 1 << rng.randrange(3, 16)) for _ in range(count)]


@points(4, task="1", function="find_order, calculate_order", handout=HANDOUT, emulators=["qemu"])
def test_layout_order(direct, rng, emu):
    """a slab is as small as it can be, holds enough objects, and wastes little"""
    asked = [8, 16, 24, 96, 192, 256, 400, 512, 520, 584, 680, 1024, 1304, 2048, 2056, 4096, 5000, 8192, 12000, 16384, 32768, 40000, *sizes(rng, 300)]
    answer = direct.ask("slab_order", struct.pack(f"<{len(asked)}I", *asked))
    for size, (order,) in zip(asked, struct.iter_unpack("<I", answer)):
        check_equal(order, order_of(size), f"the order of a slab of slots of {size} bytes")


@points(2, task="1", function="calculate_align", handout=HANDOUT, emulators=["qemu"])
def test_layout_align(direct, rng, emu):
    """a slot is aligned as its type asks, to a word at least, and to cache lines if that is wanted"""
    asked = [Needs(size, rng.choice([0, 1, 2, 8, 16, 64, 256]), rng.choice([0, HWCACHE])) for size in (1, 2, 7, 8, 16, 17, 32, 33, 64, 65, *sizes(rng, 150))]
    check_layouts(direct, asked, "align", "size")


@points(4, task="1", function="calculate_layout", handout=HANDOUT, requires=["test_layout_align", "test_layout_order"], emulators=["qemu"])
def test_layout_slot(direct, rng, emu):
    """everything in a slot has its place: object, zones, free pointer, tracks"""
    flags = [rng.choice([0, RED_ZONE]) | rng.choice([0, 0, POISON]) | rng.choice([0, STORE_USER]) | rng.choice([0, 0, RCU]) | rng.choice([0, HWCACHE]) for _ in range(300)]
    asked = [Needs(size, rng.choice([0, 8, 64]), flag, rng.randrange(2), rng.choice([112, 128])) for size, flag in zip(sizes(rng, 300), flags)]
    check_layouts(direct, asked + [Needs(size) for size in (1, 4, 7, 8, 12, 16, 24)], *NAMES)


@points(2, task="1", function="calculate_layout", handout=HANDOUT, requires=["test_layout_slot"], emulators=["qemu"])
def test_layout_refuses(direct, rng, emu):
    """what cannot be is refused: odd alignments, no bytes, more than a block has"""
    asked = [Needs(rng.randrange(1, 900), align) for align in (3, 24, 48, 6000, (1 << 31) + 1)]
    asked += [Needs(0), Needs(LARGEST), Needs(LARGEST + 1), Needs(LARGEST, 0, RED_ZONE), Needs(LARGEST - 4, 0, POISON), Needs(1 << 31)]
    check_layouts(direct, asked, *NAMES)
