"""Tasks 2 and 3: a slab, and the way past everything else."""

from __future__ import annotations

from caches import CONSTRUCTED, EXHAUST, IN_PIECES, RACES, RUNS, TID_STEP_MASK, ZEROED, Bench, order

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

TWO, THREE = "handouts/05-slab.md, task 2", "handouts/05-slab.md, task 3"


@points(4, task="2", function="chain_in_order, set_up_objects", handout=TWO)
def test_slab_fresh(bench, rng, emu):
    """a fresh slab is filled exactly, in order, before another one is made; objects are distinct and aligned"""
    for size, align in ((rng.randrange(1, 40), 0), (rng.randrange(200, 900), 64), (rng.randrange(1000, 3000), 0))[: 3 if emu == "qemu" else 2]:
        cache = bench.create(size, align)
        held = bench.alloc(cache, cache.objects)
        picture = bench.check_sound(cache, held)
        check_equal(picture.nr_slabs, 1, f"slabs for {cache.objects} objects of {cache.size} bytes")
        check_equal([at - held[0] for at in held], [i * cache.size for i in range(cache.objects)], "objects come from a fresh slab in the order of their places")
        check(all(at % max(align, 8) == 0 for at in held), "every object is aligned")
        held += bench.alloc(cache, 1)
        check_equal(bench.check_sound(cache, held).nr_slabs, 2, "one object more makes a second slab")
        bench.free(cache, held)
        bench.check_sound(cache)
        check_equal(bench.destroy(cache), 0, "a cache without objects goes")


@points(3, task="2", function="set_up_objects", handout=TWO, emulators=["qemu"])
def test_slab_ctor(bench, rng, emu):
    """the constructor runs once for each object of a slab; what it wrote stays while the object is free"""
    before = bench.ask(order(RUNS))[0][0]
    cache = bench.create(rng.randrange(9, 300), ctor=1)
    for _ in range(3):
        held = bench.alloc(cache, cache.objects * 2)
        picture = bench.check_sound(cache, held)
        for at in rng.sample(held, min(len(held), 40)):
            check_equal(picture.memory.word(at), CONSTRUCTED, "what the constructor wrote")
        bench.free(cache, held)
    runs = bench.ask(order(RUNS))[0][0] - before
    slabs = bench.stats(cache)["alloc_slab"]
    check_equal(runs, slabs * cache.objects, f"runs of the constructor for {slabs} slabs of {cache.objects}")


@points(2, task="2", function="alloc_slab_pages", handout=TWO, emulators=["qemu"])
def test_slab_pieces(bench, rng, emu):
    """when memory is in pieces a slab is as small as one object needs"""
    cache = bench.create(rng.randrange(521, 600))
    check(cache.order > cache.min_order, "the test asks for what can fail")
    bench.ask(order(IN_PIECES, cache.number))
    held = bench.alloc(cache, 20)
    check_equal(len(held), 20, "objects, when memory is in pieces")
    picture = bench.check_sound(cache, held)
    check_equal({slab.order for slab in picture.slabs.values()}, {cache.min_order}, "the orders of the slabs")
    check_equal({slab.objects for slab in picture.slabs.values()}, {4096 // cache.size}, "the objects of each")
    stats = bench.stats(cache)
    check_equal(stats["order_fallback"], stats["alloc_slab"], "each is counted as one that should have been larger")
    bench.free(cache, held)


@points(4, task="2", function="alloc_slab_pages, discard_slab", handout=TWO, emulators=["qemu"])
def test_slab_exhausted(boot, rng, emu):
    """when there is no memory there is no object; afterwards nothing has been lost"""
    bench = Bench(boot(mem=64))
    cache = bench.create(rng.choice([4096, 8192]))
    bench.free(cache, bench.alloc(cache, 8))
    bench.shrink(cache)
    free = bench.free_pages()
    (count,) = bench.ask(order(EXHAUST, cache.number))[0]
    check(100 < count < 16000, "some objects fit into 64 MiB, and not 16 000", observed=count)
    bench.check_sound(cache)
    check_equal(bench.shrink(cache) >= 0 and bench.picture(cache).nr_slabs, 0, "slabs that are left when all is freed")
    check(abs(bench.free_pages() - free) < 2048, "all memory comes back", expected=f"{free} KiB", observed=f"{bench.free_pages()} KiB")


@points(4, task="3", function="take_fast, put_fast", handout=THREE)
def test_fast_hot(bench, rng, emu):
    """what was freed last is handed out next, without a lock, and the slab itself is not touched"""
    cache = bench.create(rng.randrange(32, 250))
    held = bench.alloc(cache, 5)
    before, counts = bench.check_sound(cache, held), bench.stats(cache)
    for _ in range(10):
        freed = rng.sample(held, 3)
        bench.free(cache, freed)
        check_equal(list(map(hex, bench.alloc(cache, 3))), list(map(hex, freed[::-1])), "last in, first out")
    after, now = bench.check_sound(cache, held), bench.stats(cache)
    page = before.cpus[0].slab
    check_equal((after.slabs[page].freelist, after.slabs[page].inuse), (before.slabs[page].freelist, before.slabs[page].inuse), "freelist and counters of the slab")
    check_equal(now["alloc_fastpath"] - counts["alloc_fastpath"], 30, "allocations on the fast path")
    check_equal(now["free_fastpath"] - counts["free_fastpath"], 30, "frees on the fast path")
    check_equal((now["alloc_slowpath"], now["free_slowpath"]), (counts["alloc_slowpath"], counts["free_slowpath"]), "slow paths meanwhile")


@points(3, task="3", function="take_fast, put_fast", handout=THREE)
def test_fast_tid(two, rng, emu):
    """every operation takes a new transaction id, which tells the processor"""
    cache = two.create(rng.randrange(32, 250))
    held = two.alloc(cache, 4, cpu=0) + two.alloc(cache, 4, cpu=1)
    for _ in range(3):
        before = two.picture(cache, held)
        cpu, count = rng.randrange(2), rng.randrange(1, 4)
        own = [at for at in held if before.page_of(at) == before.cpus[cpu].slab][:count]
        two.free(cache, own, cpu=cpu)
        middle = two.picture(cache, held)
        two.alloc(cache, len(own), cpu=cpu)
        after = two.picture(cache, held)
        for i in range(2):
            steps = {middle.cpus[i].tid - before.cpus[i].tid, after.cpus[i].tid - middle.cpus[i].tid}
            check_equal(steps, {64 * len(own) if i == cpu else 0}, f"how far the id of processor {i} comes by {len(own)} operations on {cpu}")
            check_equal(after.cpus[i].tid & TID_STEP_MASK, i, "its lowest bits")


@points(5, task="3", function="take_fast", handout=THREE, requires=["test_fast_hot"], emulators=["qemu"])
def test_fast_races(bench, rng, emu):
    """an interrupt that allocates, wherever it comes, is noticed: no object is handed out twice"""
    cache = bench.create(rng.randrange(32, 200))
    twice, between = bench.ask(order(RACES, cache.number, n=1500))[0]
    check_equal(twice, 0, "objects handed out twice, when an interrupt takes two and gives one back")
    check(between > 500, "the interrupts come in between", observed=between)
    bench.check_sound(cache)
    check(bench.stats(cache)["cmpxchg_double_cpu_fail"] > 0, "some exchanges have failed, and were tried again")


@points(4, task="3", function="take_fast, put_fast, free_without_lock, get_freelist", handout=THREE, emulators=["qemu"])
def test_fast_storm(boot, rng, emu):
    """four processors at once, each frees what others have allocated: nothing twice, nothing lost"""
    bench = Bench(boot(driver="bochs", mem=96, smp=4))
    cache = bench.create(rng.randrange(100, 400), ctor=2)
    bench.check_storm(cache)


@points(1, task="3", function="kmem_cache_alloc", handout=THREE, emulators=["qemu"])
def test_fast_zeroed(bench, rng, emu):
    """who asks for zeros gets them, on either path"""
    cache = bench.create(rng.randrange(24, 400))
    held = bench.alloc(cache, 4)
    bench.free(cache, held)
    again = bench.alloc(cache, cache.objects + 4, how=ZEROED)
    picture = bench.check_sound(cache, again)
    for at in again:
        check(not any(picture.memory.read(at, cache.inuse)[: cache.inuse // 8 * 8]), "an object that was asked for zeroed", observed=hex(at))
