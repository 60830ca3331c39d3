"""Tasks 4 and 5: what stands behind a processor's own list."""

from __future__ import annotations

from caches import Bench

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

FOUR, FIVE = "handouts/05-slab.md, task 4", "handouts/05-slab.md, task 5"


def slabs_of(picture, objects) -> dict[int, list[int]]:
    """Objects by their slabs."""
    found: dict[int, list[int]] = {}
    for at in objects:
        found.setdefault(picture.page_of(at), []).append(at)
    return found


@points(4, task="4", function="free_without_lock, get_freelist", handout=FOUR)
def test_slow_remote(two, rng, emu):
    """what another processor gives back waits on the slab, and comes to its owner when he has run out"""
    cache = two.create(rng.randrange(200, 300))
    held = two.alloc(cache, cache.objects - 2, cpu=0)
    given = rng.sample(held, rng.randrange(3, 6))
    two.free(cache, given, cpu=1)
    rest = [at for at in held if at not in given]
    picture = two.check_sound(cache, rest)
    slab = picture.slabs[picture.cpus[0].slab]
    check_equal(list(map(hex, slab.free)), list(map(hex, given[::-1])), "the slab's own freelist, after another processor's frees")
    check_equal((slab.frozen, picture.cpus[1].slab), (1, 0), "whether it is frozen still, and the other processor's slab")
    counts = two.stats(cache)
    check_equal(counts["free_frozen"], len(given), "frees into a frozen slab")
    got = two.alloc(cache, 2 + len(given), cpu=0)
    check_equal(sorted(got[2:]), sorted(given), "what the owner gets when its own list is empty")
    check_equal(two.check_sound(cache, rest + got).nr_slabs, 1, "slabs")
    check_equal(two.stats(cache)["alloc_refill"], 1, "refills")


@points(4, task="4", function="free_without_lock, put_cpu_partial", handout=FOUR, emulators=["qemu"])
def test_slow_full(two, rng, emu):
    """a full slab is on no list; its first object that comes back brings it to the processor that freed it"""
    cache = two.create(rng.randrange(200, 300))
    held = two.alloc(cache, cache.objects * 2 + 1, cpu=0)
    picture = two.check_sound(cache, held)
    full = [page for page in picture.slabs if page != picture.cpus[0].slab]
    check_equal((len(full), picture.listed, picture.cpus[0].chain), (2, [], []), "full slabs, the node's list, the processor's chain")
    for page in full:
        one = rng.choice(slabs_of(picture, held)[page])
        two.free(cache, [one], cpu=1)
        held.remove(one)
    after = two.check_sound(cache, held)
    check_equal(list(map(hex, after.cpus[1].chain)), list(map(hex, full[::-1])) if after.cpus[1].chain[0] == full[1] else list(map(hex, full)), "the chain of who freed")
    check_equal(two.stats(cache)["cpu_partial_free"], 2, "slabs that came to a chain so")
    (back,) = two.alloc(cache, 1, cpu=1)
    check_equal(hex(after.page_of(back)), hex(after.cpus[1].chain[0]), "the slab from which it allocates next: the first of its chain")
    two.check_sound(cache, [*held, back])


@points(8, task="4", function="take_object, free_to_list, free_without_lock, flush_slab", handout=FOUR, requires=["test_fast_hot"])
def test_slow_random(two, rng, emu):
    """whatever two processors do in whatever order, every object and every slab is where it should be"""
    for _ in range(2 if emu == "qemu" else 1):
        cache = two.create(rng.choice([rng.randrange(180, 600), rng.randrange(900, 2100)]))
        held: list[int] = []
        for _ in range(14 if emu == "qemu" else 6):
            cpu = rng.randrange(2)
            if held and rng.random() < 0.55:
                rng.shuffle(held)
                count = rng.randrange(1, len(held) + 1)
                two.free(cache, held[:count], cpu=cpu)
                del held[:count]
            elif rng.random() < 0.15:
                two.shrink(cache, cpu)
            else:
                held += two.alloc(cache, rng.randrange(1, cache.objects * 5), cpu=cpu)
            two.check_sound(cache, held)
        two.free(cache, held, cpu=rng.randrange(2))
        two.check_sound(cache)
        two.shrink(cache)
        check_equal(two.check_sound(cache).nr_slabs, 0, "slabs that are left in the end")
        check_equal(two.destroy(cache), 0, "a cache without objects goes")


@points(3, task="5", function="put_cpu_partial, unfreeze_partials, unfreeze", handout=FIVE)
def test_partial_drain(bench, rng, emu):
    """a processor keeps few partial slabs; when they become too many, all go to the node"""
    cache = bench.create(rng.randrange(300, 500))
    most = cache.cpu_partial_slabs
    held = bench.alloc(cache, cache.objects * (most + 4))
    groups = slabs_of(bench.check_sound(cache, held), held)
    current = bench.picture(cache).cpus[0].slab
    pages = [page for page in groups if page != current]
    expected, drains = [(0, 0)], 0
    for number, page in enumerate(pages[: most + 3]):
        bench.free(cache, [groups[page][0]])
        held.remove(groups[page][0])
        picture = bench.check_sound(cache, held)
        chain, listed = expected[-1]
        drains += chain >= most
        expected.append((1, listed + chain) if chain >= most else (chain + 1, listed))
        check_equal((len(picture.cpus[0].chain), len(picture.listed)), expected[-1],
                    f"slabs in the processor's chain (at most {most}) and the node's list after {number + 1} full slabs got an object back")  # fmt: skip
    check_equal(bench.stats(cache)["cpu_partial_drain"], drains, "drains")


@points(3, task="5", function="get_partial, acquire_slab", handout=FIVE)
def test_partial_reuse(two, rng, emu):
    """partial slabs come first, before a new one is made; some more are taken along"""
    cache = two.create(rng.randrange(300, 500))
    most = cache.cpu_partial_slabs
    held = two.alloc(cache, cache.objects * (most + 6), cpu=0)
    groups = slabs_of(two.picture(cache, held), held)
    for page in list(groups)[: most + 5]:
        gone = groups[page][:3]
        two.free(cache, gone, cpu=0)
        held = [at for at in held if at not in gone]
    before = two.check_sound(cache, held)
    check(len(before.listed) > 2, "the node's list is filled", observed=len(before.listed))
    (one,) = two.alloc(cache, 1, cpu=1)
    after = two.check_sound(cache, [*held, one])
    check_equal(hex(after.cpus[1].slab), hex(before.listed[0]), "the slab that another processor gets: the list's first")
    along = min(len(before.listed) - 1, max(most // 2, 0))
    check_equal(list(map(hex, after.cpus[1].chain[::-1])), list(map(hex, before.listed[1 : 1 + along])), "the slabs that it takes along")
    check_equal(after.nr_slabs, before.nr_slabs, "no slab is made")
    held += [one, *two.alloc(cache, len(before.listed) * 3 - 1, cpu=1)]
    check_equal(two.check_sound(cache, held).nr_slabs, before.nr_slabs, "slabs when all free objects of the list are used again")


@points(3, task="5", function="unfreeze, free_to_list", handout=FIVE, emulators=["qemu"])
def test_partial_min(bench, rng, emu):
    """a node keeps min_partial slabs in which nothing is in use, and gives the others back"""
    cache = bench.create(rng.randrange(1100, 1300))
    many = cache.min_partial * 2 + cache.cpu_partial_slabs + 8
    held = bench.alloc(cache, cache.objects * many)
    rng.shuffle(held)
    bench.free(cache, held)
    picture = bench.check_sound(cache)
    empty = [page for page in picture.listed if picture.slabs[page].inuse == 0]
    check(cache.min_partial - 1 <= len(picture.listed) <= cache.min_partial, "slabs in the node's list when everything is freed",
          expected=f"{cache.min_partial}, or one less", observed=len(picture.listed))  # fmt: skip
    check_equal(len(empty), len(picture.listed), "in none of them anything is in use")
    check(bench.stats(cache)["free_slab"] > 5, "the others went back to the page allocator")


@points(3, task="5", function="kmem_cache_shrink", handout=FIVE)
def test_shrink_gives(two, rng, emu):
    """shrinking gives back every slab in which nothing is in use, also those of other processors, and says how many pages"""
    cache = two.create(rng.randrange(200, 700))
    held = two.alloc(cache, cache.objects * 9 + 1, cpu=0) + two.alloc(cache, cache.objects * 2 + 2, cpu=1)
    kept = rng.sample(held, 4)
    two.free(cache, [at for at in held if at not in kept], cpu=rng.randrange(2))
    before = two.check_sound(cache, kept)
    pages = two.shrink(cache, cpu=0)
    after = two.check_sound(cache, kept)
    used = {after.page_of(at) for at in kept}
    check_equal(after.nr_slabs, len(used), "slabs that are left: those of the objects in use")
    check_equal(sorted(after.listed), sorted(used), "all of them are in the node's list")
    gone = (before.nr_slabs - after.nr_slabs) << cache.order  # some of them when the processors were told to let go
    check(0 < pages <= gone and pages % (1 << cache.order) == 0, "the pages that it says were given back", expected=gone, observed=pages)


@points(3, task="5", function="sort_partial", handout=FIVE, emulators=["qemu"])
def test_shrink_sorts(bench, rng, emu):
    """shrinking puts the fullest first, so that the emptier ones may become empty"""
    cache = bench.create(rng.randrange(200, 230))
    held = bench.alloc(cache, cache.objects * 12)
    groups = list(slabs_of(bench.picture(cache, held), held).values())
    free = rng.sample(range(1, 12), 9)
    for group, count in zip(groups, free):
        gone = group[:count]
        bench.free(cache, gone)
        held = [at for at in held if at not in gone]
    bench.shrink(cache)
    picture = bench.check_sound(cache, held)
    counts = [len(picture.slabs[page].free) for page in picture.listed]
    check_equal(counts, sorted(free), "free objects of the slabs, in the order of the list")


@points(3, task="5", function="unfreeze, get_partial, put_cpu_partial", handout=FIVE, emulators=["qemu"])
def test_partial_storm(boot, rng, emu):
    """four processors at once, with so few objects to a slab that slabs come and go: the node's list and its length agree"""
    bench = Bench(boot(driver="bochs", mem=96, smp=4))
    cache = bench.create(rng.randrange(900, 1300), ctor=2)
    bench.check_storm(cache)
