"""For the leaderboard. Worth no points."""

from __future__ import annotations

import random

from caches import BATCHES, COST, Bench, order

from vitrine_grader.plugin import points

PAIRS = 20_000


@points(0, emulators=["qemu"], requires=["test_fast_hot"], metric="instructions per pair of alloc and free")
def test_cost_of_pair(bench, measure, emu):
    """one object, taken and given back, by the machine's own count of instructions"""
    cache = bench.create(64)
    bench.ask(order(COST, cache.number, n=100))
    measure(round(min(bench.ask(order(COST, cache.number, n=PAIRS // 2))[0][0] for _ in range(3)) / (PAIRS // 2), 1))


@points(0, emulators=["qemu"], requires=["test_slow_random"], metric="instructions per object, four processors")
def test_cost_of_batches(boot, measure, emu):
    """batches of five hundred, from slab to slab, on each of four processors in turn: the sum, per object"""
    bench = Bench(boot(mem=96, smp=4))
    cache = bench.create(256)
    ticks = 0
    for cpu in range(4):
        bench.ask(order(BATCHES, cache.number, cpu, 500, 2))
        ticks += min(bench.ask(order(BATCHES, cache.number, cpu, 500, 2))[0][0] for _ in range(4))
    measure(round(ticks / (4 * 500 * 2)))


@points(0, emulators=["qemu"], requires=["test_slow_random"], metric="bytes wasted, of a hundred, in the trace")
def test_cost_of_waste(bench, measure, emu):
    """of the memory that slabs take, how much no object uses, after a trace that is always the same"""
    draw = random.Random(0x5EED)
    taken = used = 0
    for number in range(4):
        size = draw.randrange(24, 1500)
        cache = bench.create(size, number=number)
        held: list[int] = []
        for _ in range(5):
            held += bench.alloc(cache, draw.randrange(20, 120))
            draw.shuffle(held)
            count = draw.randrange(len(held))
            bench.free(cache, held[:count])
            del held[:count]
        taken += sum(4096 << slab.order for slab in bench.picture(cache, held).slabs.values())
        used += len(held) * size
    measure(round(100 * (taken - used) / taken, 1))
