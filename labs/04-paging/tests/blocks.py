"""A buddy system of the probe's (src/init/probes/mm_buddy.cc), and what it must be like: frames are numbers from 0."""

from __future__ import annotations

import struct

from vitrine_grader.failure import check, check_equal

GIVE, TAKE, FOREIGN, SHOW = range(4)
UNMOVABLE, MOVABLE, RECLAIMABLE, HIGH_ATOMIC = range(4)
MAX_ORDER, BLOCK_ORDER = 10, 9
NONE = 0xFFFF_FFFF


class Free:
    """Free blocks, as the lists have them."""

    def __init__(self, free_pages: int, blocks: list[tuple[int, int, int]]):
        self.free_pages, self.blocks = free_pages, blocks

    def of_order(self, order: int) -> list[int]:
        return sorted(first for first, at, _ in self.blocks if at == order)

    def shape(self) -> list[tuple[int, int]]:
        return sorted((first, order) for first, order, _ in self.blocks)


class Buddies:
    """Orders for one zone, and who has which frames."""

    def __init__(self, probes, frames: int, start: int = 0x4_0000, first: int = 0, length: int | None = None, types=None):
        self._probes, self.start, self.frames, self.first = probes, start, frames, first
        self.length = frames - first if length is None else length
        blocks = (start + frames - 1 >> BLOCK_ORDER) - (start >> BLOCK_ORDER) + 1
        self.types = list(types or [MOVABLE] * blocks)
        self._head = struct.pack("<QIII", start, frames, first, self.length) + bytes(self.types)
        self.orders: list[bytes] = []
        self._asked: list[int] = []

    def _add(self, what: int, order: int = 0, kind: int = MOVABLE, frame: int = 0) -> int:
        self.orders.append(struct.pack("<BBBI", what, order, kind, frame))
        self._asked.append(what)
        return len(self.orders) - 1

    def give(self, frame: int, order: int = 0) -> None:
        self._add(GIVE, order, frame=frame)

    def take(self, order: int = 0, kind: int = MOVABLE) -> None:
        self._add(TAKE, order, kind)

    def foreign(self, frame: int, order: int) -> None:
        """A free block of another zone, among ours."""
        self._add(FOREIGN, order, frame=frame)

    def show(self) -> None:
        self._add(SHOW)

    def play(self) -> list[int | Free]:
        """The answers to take() and show(), in order. Begins anew each time."""
        data = self._probes.ask("mm_buddy", self._head + b"".join(self.orders))
        answers, at = [], 0
        for what in self._asked:
            if what == TAKE:
                answers.append(struct.unpack_from("<I", data, at)[0])
                at += 4
            elif what == SHOW:
                free_pages, count = struct.unpack_from("<QI", data, at)
                blocks = [struct.unpack_from("<IBB", data, at + 12 + 6 * i) for i in range(count)]
                answers.append(Free(free_pages, blocks))
                at += 12 + 6 * count
        check_equal(at, len(data), "bytes of the probe's answer")
        return answers

    def type_of(self, frame: int) -> int:
        return self.types[(self.start + frame >> BLOCK_ORDER) - (self.start >> BLOCK_ORDER)]

    def check_sound(self, free: Free, held: dict[int, int]) -> None:
        """Every frame of the zone is free or held, in blocks that are aligned and cannot be merged."""
        owner: dict[int, str] = {}
        everything = [(first, order, "held") for first, order in held.items()]
        everything += [(first, order, "free") for first, order, _ in free.blocks]
        for first, order, whose in everything:
            check((self.start + first) % (1 << order) == 0 and order <= MAX_ORDER, "a block is aligned to its size", observed=f"order {order} at frame {first}")
            for frame in range(first, first + (1 << order)):
                check(frame not in owner, "no frame is in two blocks", observed=f"frame {frame}: {owner.get(frame)} and {whose}")
                owner[frame] = whose
        inside = set(range(self.first, self.first + self.length))
        check_equal(sorted(set(owner) - inside)[:5], [], "frames in use that are not the zone's")
        check_equal(sorted(inside - set(owner))[:5], [], "frames that are neither free nor held: lost")
        check_equal(free.free_pages, sum(1 << order for _, order, _ in free.blocks), "free_pages, and the frames on the lists")
        starts = {(first, order) for first, order, _ in free.blocks}
        for first, order, _ in free.blocks:
            buddy = (self.start + first ^ 1 << order) - self.start
            apart = order >= BLOCK_ORDER and buddy >= 0 and HIGH_ATOMIC in (self.type_of(first), self.type_of(min(buddy, self.frames - 1)))
            check(order == MAX_ORDER or apart or (buddy, order) not in starts, "two free buddies are one block",
                  observed=f"frames {first} and {buddy}, both of order {order}")  # fmt: skip
