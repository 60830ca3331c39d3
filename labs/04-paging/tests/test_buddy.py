"""Task 1: the buddy system."""

from __future__ import annotations

import struct

from blocks import BLOCK_ORDER, HIGH_ATOMIC, MAX_ORDER, MOVABLE, NONE, RECLAIMABLE, UNMOVABLE, Buddies
from spaces import BUDDY, Script, draw_place, play

from vitrine_grader.failure import check, check_equal
from vitrine_grader.memory import PAGE, Memory
from vitrine_grader.plugin import points

ONE = "handouts/04-paging.md, task 1"


@points(3, task="1", function="Zone::rmqueue_smallest, Zone::expand", handout=ONE, emulators=["qemu"])
def test_buddy_split(buddy, rng):
    """a block is cut from the smallest that is large enough; what is left over is as large as possible"""
    for order in rng.sample(range(MAX_ORDER + 1), 4) + [0, MAX_ORDER]:
        zone = Buddies(buddy, 1024)
        zone.give(0, MAX_ORDER)
        zone.take(order)
        zone.show()
        got, free = zone.play()
        check_equal(got, 0, f"the first frame of a block of order {order} out of one of 1024 frames")
        check_equal(free.shape(), [(1 << i, i) for i in range(order, MAX_ORDER)], f"free blocks (frame, order) after a block of order {order} was taken")
        zone.check_sound(free, {0: order})
    zone = Buddies(buddy, 512)
    for frame, order in ((0, 7), (130, 1), (160, 5), (256, 8)):
        zone.give(frame, order)
    for wanted in (1, 3, 0):
        zone.take(wanted)
    zone.take(9)
    zone.show()
    small, middle, one, none, free = zone.play()
    check_equal((small, middle, one), (130, 160, 168), "the frames of blocks of order 1, 3 and 0: each from the smallest block there is")
    check_equal(none, NONE, "a block of order 9, when the largest is of order 8")
    check_equal(free.shape(), [(0, 7), (169, 0), (170, 1), (172, 2), (176, 4), (256, 8)], "free blocks (frame, order) afterwards")


@points(4, task="1", function="Zone::free_one_page, Zone::is_free_block", handout=ONE)
def test_buddy_merge(buddy, rng, emu):
    """given back in any order, all frames are one block again; before that, as few as can be"""
    for _ in range(3 if emu == "qemu" else 1):
        zone, frames = Buddies(buddy, 1024), list(range(1024))
        zone.give(0, MAX_ORDER)
        for _ in frames:
            zone.take()
        rng.shuffle(frames)
        half = rng.randrange(100, 900)
        for frame in frames[:half]:
            zone.give(frame)
        zone.show()
        for frame in frames[half:]:
            zone.give(frame)
        zone.show()
        *taken, middle, end = zone.play()
        check_equal(sorted(taken), sorted(frames), "frames taken one by one")
        zone.check_sound(middle, {frame: 0 for frame in frames[half:]})
        check_equal(end.shape(), [(0, MAX_ORDER)], "free blocks (frame, order) when everything is back")
        check_equal(end.free_pages, 1024, "free_pages when everything is back")


@points(4, task="1", function="all of zone.cc", handout=ONE, requires=["test_buddy_split", "test_buddy_merge"], emulators=["qemu"])
def test_buddy_random(buddy, rng, emu):
    """after any takes and gives of all orders no frame is lost, given twice or left apart"""
    for _ in range(3 if emu == "qemu" else 1):
        held: dict[int, int] = {}
        zone = Buddies(buddy, 1024)
        zone.give(0, MAX_ORDER)
        for _ in range(12):
            for order in (rng.choice((0, 0, 0, 1, 1, 2, 3, 5)) for _ in range(25)):
                zone.take(order)
            zone.show()
            answers = zone.play()
            held = _replay(zone, answers)
            zone.check_sound(answers[-1], held)
            for frame in rng.sample(sorted(held), len(held) * 2 // 3):
                zone.give(frame, held[frame])
            zone.show()
            answers = zone.play()
            zone.check_sound(answers[-1], _replay(zone, answers))


def _replay(zone, answers) -> dict[int, int]:
    """Who has what after the orders up to now."""
    held, rest = {}, iter(answers)
    for order in zone.orders:
        what, size, _, frame = struct.unpack("<BBBI", order)
        if what == 0:
            held.pop(frame, None)
        elif what in (1, 3):
            got = next(rest)
            if what == 1 and got != NONE:
                check(got not in held, "no block is handed out twice", observed=f"frame {got}")
                held[got] = size
    return held


@points(3, task="1", function="Zone::is_free_block, Zone::free_one_page", handout=ONE, emulators=["qemu"])
def test_buddy_edges(buddy, rng):
    """what lies outside of the zone, belongs to another one, or is kept back is not merged with"""
    first, length = rng.randrange(1, 60), rng.randrange(700, 900)
    zone = Buddies(buddy, 1024, first=first, length=length)
    for frame in rng.sample(range(first, first + length), length):
        zone.give(frame)
    zone.show()
    (free,) = zone.play()
    zone.check_sound(free, {})
    check(all(len(free.of_order(order)) <= 2 for order in range(MAX_ORDER)), "at most two free blocks of an order in a zone that is all free", observed=free.shape())

    zone, order = Buddies(buddy, 64), rng.randrange(0, 5)
    zone.foreign(1 << order, order)
    zone.give(0, order)
    zone.show()
    (free,) = zone.play()
    check_equal(free.shape(), [(0, order)], "free blocks (frame, order): the free buddy is another zone's")

    kept = rng.randrange(2)
    zone = Buddies(buddy, 1024, types=[HIGH_ATOMIC if i == kept else MOVABLE for i in range(2)])
    zone.give(0, BLOCK_ORDER)
    zone.give(512, BLOCK_ORDER)
    zone.show()
    (free,) = zone.play()
    check_equal(free.shape(), [(0, BLOCK_ORDER), (512, BLOCK_ORDER)], "free blocks (frame, order): one pageblock is kept back for urgent allocations")


@points(2, task="1", function="Zone::free_one_page, Zone::expand", handout=ONE, emulators=["qemu"])
def test_buddy_types(buddy, rng):
    """a block given back goes to the list of its pageblock's type, a remainder to that of the request"""
    types = rng.sample([UNMOVABLE, MOVABLE, RECLAIMABLE], 2)
    zone = Buddies(buddy, 1024, types=types)
    zone.give(0, 4)
    zone.give(600 & ~15, 4)
    zone.show()
    (free,) = zone.play()
    check_equal({first: kind for first, _, kind in free.blocks}, {0: types[0], 592: types[1]}, "lists of the blocks at frames 0 and 592")
    zone.take(1, types[1])
    zone.take(1, ({UNMOVABLE, MOVABLE, RECLAIMABLE} - set(types)).pop())
    zone.show()
    _, got, none, free = zone.play()
    check_equal(got, 592, "the frame of a block of the second type")
    check_equal(none, NONE, "a block of a type of which there is none")
    check_equal({first: kind for first, _, kind in free.blocks if first > 100}, {594: types[1], 596: types[1], 600: types[1]}, "lists of what is left of the second block")


@points(3, task="1", function="all of zone.cc", handout=ONE, requires=["test_buddy_random"])
def test_buddy_live(one, rng):
    """in a running system, after programs have come and gone, no two free blocks could be one"""
    script, at = Script(), draw_place(rng)
    for child in range(2, 8):
        script.map(1, at, 200)
        script.fill(1, at, rng.randrange(50, 200), child)
        script.fork(1, child)
        script.fill(child, at, rng.randrange(50, 200), child + 1)
        if child % 2:
            script.leave(rng.choice([child, child - 1]))
    play(one, script)
    one.agent.probe("/sys/kernel/debug/probe/vm_spaces", struct.pack("<I", 1))
    one.pause()
    try:
        blocks = _free_blocks(Memory(one), 96 << 20)
    finally:
        one.resume()
    check(sum(1 << order for order in blocks.values()) > 4000, "a good part of memory is in free blocks", observed=f"{len(blocks)} blocks")
    for first, order in blocks.items():
        check(order <= MAX_ORDER and first % (1 << order) == 0, "a free block is aligned to its size", observed=f"order {order} at frame {first:#x}")
        buddy = first ^ 1 << order
        same_zone = (first < 0x1000) == (buddy < 0x1000)
        check(order >= BLOCK_ORDER or not same_zone or blocks.get(buddy) != order, "two free buddies are one block",
              observed=f"frames {first:#x} and {buddy:#x}, both of order {order}")  # fmt: skip
        inner = [frame for frame in range(first + 1, first + (1 << order)) if frame in blocks]
        check(not inner, "no free block begins inside another", observed=f"frame {first:#x}, order {order}: {[hex(frame) for frame in inner[:3]]}")


def _free_blocks(memory: Memory, ram: int) -> dict[int, int]:
    """Heads of free blocks, by the Pages."""
    blocks = {}
    for frame in range(0, ram // PAGE):
        try:
            info = memory.info(frame * PAGE)
        except LookupError:
            continue
        if info.flags & BUDDY:
            check(info.references == 0, "nobody refers to a free block", observed=f"frame {frame:#x}: {info.references} references")
            blocks[frame] = info.order
    return blocks
