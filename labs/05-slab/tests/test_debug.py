"""Task 7: finding misuse."""

from __future__ import annotations

import re

from caches import CHECKS, DEBUG, HURT, POISON, RED_ZONE, VALIDATE, order

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/05-slab.md, task 7"
FREE, END, RED_FREE, RED_USED = 0x6B, 0xA5, 0xBB, 0xCC


def zones(picture, cache, size: int, at: int) -> tuple[bytes, bytes, bytes]:
    """Before, in and behind an object."""
    pad = cache.red_left_pad
    data = picture.memory.read(at - pad, pad + cache.inuse)
    return data[:pad], data[pad : pad + size], data[pad + size :]


def bad(bench, cache) -> int:
    return bench.ask(order(VALIDATE, cache.number))[0][0]


def check_report(bench, mark: int, what: str, at: int | None = None, last: int | None = None) -> None:
    """The report in the kernel's log behind `mark` names the damage."""
    bench.agent.ping()
    text = bench.machine.console.text[mark:]
    check(what in text, f"the damage is reported as {what!r}", observed=text[:300])
    if at is not None:
        found = re.search(r"(0x)?([0-9a-f]{16})-(0x)?([0-9a-f]{16}) @offset", text)
        check(found, "the report names the bytes", observed=text[:300])
        check_equal((hex(int(found[2], 16)), hex(int(found[4], 16))), (hex(at), hex(last)), "first and last damaged byte, as reported")


def mark_of(bench) -> int:
    bench.agent.ping()
    return len(bench.machine.console.text)


@points(3, task="7", function="init_object", handout=HANDOUT, emulators=["qemu"])
def test_debug_patterns(bench, rng, emu):
    """what stands around an object and in it tells whether it is in use"""
    size = rng.randrange(20, 90)
    cache = bench.create(size, flags=DEBUG)
    held = bench.alloc(cache, 6)
    freed, kept = held[:3], held[3:]
    bench.free(cache, freed)
    picture = bench.picture(cache, held)
    for at in kept:
        left, _, right = zones(picture, cache, size, at)
        check_equal(set(left + right), {RED_USED}, "the red zones of an object in use")
    for at in freed:
        left, inside, right = zones(picture, cache, size, at)
        check_equal(set(left + right), {RED_FREE}, "the red zones of a free object")
        check_equal(inside.hex(), (bytes([FREE]) * (size - 1) + bytes([END])).hex(), "the bytes of a free object")
    check_equal(bad(bench, cache), 0, "objects that are not as they should be, when nothing was hurt")


@points(4, task="7", function="check_zone, check_red_zones", handout=HANDOUT, emulators=["qemu"])
def test_debug_red_zones(bench, rng, emu):
    """a byte written before or behind an object is found when it is freed, reported, and mended"""
    size = rng.randrange(20, 90)
    cache = bench.create(size, flags=CHECKS | RED_ZONE)
    for side in ("Left", "Right"):
        (at,) = bench.alloc(cache, 1)
        start, room = (at - cache.red_left_pad, cache.red_left_pad) if side == "Left" else (at + size, cache.inuse - size)
        first = rng.randrange(room)
        count = rng.randrange(1, room - first + 1)
        mark = mark_of(bench)
        bench.ask(order(HURT, cache.number, n=count, x=start + first, y=0x11))
        bench.free(cache, [at])
        check_report(bench, mark, f"{side} Redzone overwritten", start + first, start + first + count - 1)
        picture = bench.picture(cache, [at])
        left, _, right = zones(picture, cache, size, at)
        check_equal(set(left + right), {RED_USED}, "the zones afterwards: mended, and the object not freed")
        check(at not in picture.slabs[picture.page_of(at)].free, "an object that was hurt is not handed out again")


@points(4, task="7", function="check_poison", handout=HANDOUT)
def test_debug_poison(bench, rng, emu):
    """a write to a freed object is found when it is handed out next, reported, and the slab is used no more"""
    for last in (False, True):
        size = rng.randrange(24, 90)
        cache = bench.create(size, flags=CHECKS | POISON)
        held = bench.alloc(cache, 3)
        bench.free(cache, held[:1])
        at = held[0] + (size - 1 if last else rng.randrange(size - 1))
        mark = mark_of(bench)
        bench.ask(order(HURT, cache.number, n=1, x=at, y=0x77))
        (other,) = bench.alloc(cache, 1)
        check_report(bench, mark, "End Poison overwritten" if last else "Poison overwritten", at, at)
        picture = bench.picture(cache, [*held, other])
        check(picture.page_of(other) != picture.page_of(held[0]), "the next object is of another slab")
        check_equal(picture.memory.read(at, 1), bytes([END if last else FREE]), "the byte is mended")


@points(4, task="7", function="is_on_freelist, is_valid_object", handout=HANDOUT, emulators=["qemu"])
def test_debug_double_free(bench, rng, emu):
    """what is free already, or no object at all, is not freed; and that is said"""
    # Of 25 to 32 and 57 to 64 bytes a slab would have no room behind its last object.
    size = rng.choice([size for size in range(24, 90) if size not in range(25, 33) and size not in range(57, 65)])
    cache = bench.create(size, flags=CHECKS)
    held = bench.alloc(cache, 8)
    kept, freed = held[:4], held[4:]
    bench.free(cache, freed)
    before = bench.picture(cache, held)
    for wrong, what in ((rng.choice(freed[:-1]), "Object already free"), (freed[-1], "Object already free"),
                        (rng.choice(kept) + rng.randrange(1, cache.size), "Invalid object pointer"),
                        (before.slab(before.page_of(kept[0])).address + cache.size * cache.objects, "Invalid object pointer")):  # fmt: skip
        mark = mark_of(bench)
        bench.free(cache, [wrong])
        check_report(bench, mark, what)
        after = bench.picture(cache, held)
        page = after.page_of(held[0])
        check_equal((after.slabs[page].inuse, after.slabs[page].free), (before.slabs[page].inuse, before.slabs[page].free), f"the slab after {what!r}")
    bench.free(cache, kept)
    bench.shrink(cache)
    check_equal(bench.picture(cache).nr_slabs, 0, "slabs that are left in the end")
