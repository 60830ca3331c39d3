"""Task 6: by size."""

from __future__ import annotations

from caches import KFREE, KMALLOC, KREALLOC, order

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

HANDOUT = "handouts/05-slab.md, task 6"
CLASSES = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)
ALIGN = {96: 32, 192: 64, 8192: 4096}
MOST = 4096 << 10


def room_for(size: int) -> int:
    if size <= CLASSES[-1]:
        return next(room for room in CLASSES if room >= size)
    return 4096 << max(0, (size - 1).bit_length() - 12)


@points(4, task="6", function="cache_for, alloc_large, kfree", handout=HANDOUT)
def test_kmalloc_classes(bench, rng, emu):
    """every size gets the smallest class that holds it, aligned; larger ones whole pages; too large ones nothing"""
    edges = [edge + more for edge in CLASSES for more in (-1, 0, 1)]
    sizes = [0, 1, *edges, *(rng.randrange(1, 9000) for _ in range(40)), 20000, 65536, 65537, 1 << 20]
    answers = bench.ask(*(order(KMALLOC, n=1, x=size) for size in sizes))
    for size, (at, room) in zip(sizes, answers):
        check_equal(room, room_for(size), f"the room for {size} bytes")
        check_equal(at % ALIGN.get(room, min(room, 4096)), 0, f"how far {at:#x}, for {size} bytes, is from its alignment")
    places = sorted((at, at + room) for at, room in answers)
    check(all(end <= start for (_, end), (start, _) in zip(places, places[1:])), "no two overlap")
    bench.ask(*(order(KFREE, x=at) for at, _ in answers))
    check_equal(bench.ask(order(KMALLOC, n=1, x=MOST + 1))[0][0], 0, "there is nothing for more than 4 MiB")
    bench.ask(order(KFREE, x=0))


@points(3, task="6", function="kfree, alloc_large", handout=HANDOUT, requires=["test_kmalloc_classes"], emulators=["qemu"])
def test_kmalloc_comes_back(bench, rng, emu):
    """what is freed is free again, whatever its size"""
    size = rng.randrange(100_000, 130_000)
    first = bench.ask(*(order(KMALLOC, n=20, x=size) for _ in range(2)))
    bench.ask(*(order(KFREE, x=at) for words in first for at in words[::2]))
    before = bench.free_pages()
    for _ in range(20):
        got = bench.ask(order(KMALLOC, n=40, x=size), order(KMALLOC, n=40, x=rng.randrange(1, 8192)))
        bench.ask(*(order(KFREE, x=at) for words in got for at in words[::2]))
    check(abs(before - bench.free_pages()) < 3000, "free memory before and after", expected=f"{before} KiB", observed=f"{bench.free_pages()} KiB")


@points(2, task="6", function="krealloc", handout=HANDOUT, requires=["test_kmalloc_classes"], emulators=["qemu"])
def test_kmalloc_moves(bench, rng, emu):
    """what grows within its room stays; else it moves, bytes and all, and the old place is free"""
    size = rng.choice([40, 100, 200, 700])
    (at, room), = bench.ask(order(KMALLOC, n=1, x=size))
    (same, _), = bench.ask(order(KREALLOC, n=1, x=at, y=room))
    check_equal(hex(same), hex(at), f"where {size} bytes are when they become {room}")
    bench.machine.pause()
    before = bench.machine.read_virt(at, room)
    bench.machine.resume()
    # In one order with what is asked next: in between, the kernel allocates for itself.
    (moved, more), (again, _) = bench.ask(order(KREALLOC, n=1, x=at, y=room + 1), order(KMALLOC, n=1, x=room))
    check(moved != at and more > room, "a larger place", expected=f"more than {room} bytes", observed=f"{more} at {moved:#x}")
    bench.machine.pause()
    after = bench.machine.read_virt(moved, room)
    bench.machine.resume()
    check_equal(after.hex(), before.hex(), "its bytes")
    check_equal(hex(again), hex(at), "the old place is handed out next")
    check_equal(bench.ask(order(KREALLOC, n=1, x=moved, y=0))[0][0], 0, "krealloc() to nothing")
    bench.ask(order(KFREE, x=again))
