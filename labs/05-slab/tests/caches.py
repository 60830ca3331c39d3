"""Caches in a running kernel, and what their slabs look like in the stopped machine's memory.

Nothing here asks the kernel how it is: orders go in through a probe, addresses of objects come out, and then
the machine is stopped and Page, KmemCacheCpu and KmemCacheNode are read as src/mm/page.h, cpu_slab.h and slab.h
describe them.
"""

from __future__ import annotations

import dataclasses
import struct

from vitrine_grader.failure import check, check_equal
from vitrine_grader.memory import DIRECT_MAP, PAGE, PAGE_BYTES, VMEMMAP, Memory, proc_number

CREATE, ALLOC, FREE, SHRINK, DESTROY, HURT, VALIDATE, STATS, IN_PIECES, RUNS, KMALLOC, KFREE, KREALLOC, COST, BATCHES, RACES, STORM, EXHAUST = range(18)
NORMAL, ATOMIC, ZEROED = range(3)
CHECKS, RED_ZONE, POISON, STORE_USER = 1, 2, 4, 8
HARDENED, SHUFFLED, HWCACHE, RCU = 1 << 4, 1 << 5, 1 << 6, 1 << 9
DEBUG = CHECKS | RED_ZONE | POISON | STORE_USER
CONSTRUCTED = 0x1234_5678_9ABC_DEF0
STAT = {name: i for i, name in enumerate(
    "alloc_fastpath alloc_slowpath free_fastpath free_slowpath free_frozen free_add_partial free_remove_partial"
    " alloc_from_partial alloc_slab alloc_refill free_slab cpuslab_flush deactivate_full deactivate_empty deactivate_to_head"
    " deactivate_to_tail deactivate_remote_frees deactivate_bypass order_fallback cmpxchg_double_cpu_fail cmpxchg_double_fail"
    " cpu_partial_alloc cpu_partial_free cpu_partial_node cpu_partial_drain".split())}  # fmt: skip
LINK = 16  # of a Page: its place in a list
SLAB, TAIL = 1 << 2, 1 << 4
TID_STEP_MASK = 63


@dataclasses.dataclass(frozen=True)
class Cache:
    """What the kernel has made of a request."""

    number: int
    address: int
    partial: int  # where the node's list begins
    nr_partial: int
    nr_slabs: int
    size: int
    objects: int
    order: int
    min_order: int
    offset: int
    inuse: int
    red_left_pad: int
    min_partial: int
    cpu_partial_slabs: int
    cpus: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return PAGE << self.order


@dataclasses.dataclass
class Slab:
    """One slab, from its first Page."""

    page: int
    address: int
    order: int
    cache: int
    next: int
    freelist: int
    inuse: int
    objects: int
    frozen: int
    free: list[int]


@dataclasses.dataclass
class Processor:
    """KmemCacheCpu."""

    freelist: int
    tid: int
    slab: int
    partial: int
    partial_slabs: int
    free: list[int]
    chain: list[int]  # Pages


class Picture:
    """A cache at one moment."""

    def __init__(self, machine, cache: Cache, held=()):
        machine.pause()
        try:
            self.memory, self.cache = Memory(machine), cache
            self.slabs: dict[int, Slab] = {}
            self.cpus = [self._processor(at) for at in cache.cpus if at]
            self.listed = self._list()
            self.nr_partial = self.memory.word(cache.nr_partial)
            self.nr_slabs = self.memory.word(cache.nr_slabs)
            for page in [cpu.slab for cpu in self.cpus if cpu.slab] + [p for cpu in self.cpus for p in cpu.chain] + self.listed:
                self.slab(page)
            for address in held:
                self.slab(self.page_of(address))
        finally:
            machine.resume()

    def page_of(self, address: int) -> int:
        """The first Page of the block in which `address` lies."""
        check(DIRECT_MAP <= address < DIRECT_MAP + (1 << 34), "an object lies in the direct map", observed=f"{address:#x}")
        page = VMEMMAP + (address - DIRECT_MAP) // PAGE * PAGE_BYTES
        flags = int.from_bytes(self.memory.read(page, 4), "little")
        return self.memory.word(page + 32) if flags & TAIL else page

    def slab(self, page: int) -> Slab:
        if page not in self.slabs:
            data = self.memory.read(page, PAGE_BYTES)
            (flags,) = struct.unpack_from("<I", data)
            cache, following, freelist, inuse, objects, frozen = struct.unpack_from("<QQQHHH", data, 32)
            check(flags & SLAB and cache == self.cache.address, "a slab that the cache uses is marked as one of this cache",
                  observed=f"Page {page:#x}: flags {flags:#x}, cache {cache:#x} instead of {self.cache.address:#x}")  # fmt: skip
            address = DIRECT_MAP + (page - VMEMMAP) // PAGE_BYTES * PAGE
            slab = Slab(page, address, data[12], cache, following, freelist, inuse, objects, frozen, [])
            self.slabs[page] = slab
            slab.free = self._chain(freelist)
        return self.slabs[page]

    def _chain(self, at: int) -> list[int]:
        """Addresses, from the first free object to the last."""
        found: list[int] = []
        while at:
            check(len(found) < 40000 and at not in found[-600:], "a freelist comes to its end", observed=[hex(x) for x in found[:6]])
            check(DIRECT_MAP <= at < DIRECT_MAP + (1 << 34), "a freelist leads from object to object",
                  observed=f"to {at:#x}, behind {[hex(x) for x in found[-3:]]}")  # fmt: skip
            found.append(at)
            at = self.memory.word(at + self.cache.offset)
        return found

    def _processor(self, at: int) -> Processor:
        freelist, tid, slab, partial, slabs = struct.unpack("<QQQQI", self.memory.read(at, 36))
        chain, page = [], partial
        while page:
            check(page not in chain, "a processor's chain of partial slabs comes to its end")
            chain.append(page)
            page = self.slab(page).next
        return Processor(freelist, tid, slab, partial, slabs, self._chain(freelist), chain)

    def _list(self) -> list[int]:
        """Pages of the node's list."""
        found, link = [], self.memory.word(self.cache.partial)
        while link != self.cache.partial:
            check(link - LINK not in found, "the node's list comes to its end")
            found.append(link - LINK)
            link = self.memory.word(link)
        return found

    def free(self) -> list[int]:
        """Every free object, wherever it is."""
        return [at for slab in self.slabs.values() for at in slab.free] + [at for cpu in self.cpus for at in cpu.free]

    def check_sound(self, held=()) -> None:
        """All that must be true whenever nobody is in the middle of something."""
        cache, held = self.cache, list(held)
        check_equal(len(set(held)), len(held), "no object is handed out twice")
        everything = self.free() + held
        check_equal(len(set(everything)), len(everything), "no object is free twice, or free and in use")
        check_equal(len(self.slabs), self.nr_slabs, "each slab is some processor's, in the node's list, or full")
        total = sum(slab.objects for slab in self.slabs.values())
        check_equal(len(everything), total, "each object of each slab is free or in use: none is lost")
        owned = {cpu.slab for cpu in self.cpus if cpu.slab}
        chained = [page for cpu in self.cpus for page in cpu.chain]
        check_equal(self.nr_partial, len(self.listed), "nr_partial counts the node's list")
        for cpu in self.cpus:
            check_equal(cpu.partial_slabs, len(cpu.chain), "partial_slabs counts a processor's chain")
            check(cpu.slab or not cpu.freelist, "who has no slab has no free objects")
            for at in cpu.free:
                check_equal(hex(self.page_of(at)), hex(cpu.slab), f"the slab of {at:#x}, which is on a processor's freelist")
        for page, slab in self.slabs.items():
            what = f"the slab at {slab.address:#x} ({slab.inuse} of {slab.objects} in use, frozen {slab.frozen})"
            own = page in owned or page in chained
            check_equal(slab.frozen, int(own), f"{what} is frozen exactly if it is a processor's")
            check_equal(slab.inuse, slab.objects - len(slab.free), f"{what} counts what is not on its freelist")
            listed = page in self.listed
            check_equal(listed, not own and slab.inuse < slab.objects, f"{what} is in the node's list exactly if it is no processor's and has free objects")
            for at in slab.free:
                check((at - cache.red_left_pad - slab.address) % cache.size == 0, f"{what}: {at:#x} on its freelist is one of its objects")
        for at in held:
            slab = self.slab(self.page_of(at))
            check((at - cache.red_left_pad - slab.address) % cache.size == 0 and at - slab.address < slab.objects * cache.size,
                  "an object that is handed out is one of a slab's", observed=f"{at:#x} in the slab at {slab.address:#x}, slots of {cache.size}")  # fmt: skip


class Bench:
    """Orders to the probe."""

    def __init__(self, machine):
        self.machine, self.agent = machine, machine.agent

    def ask(self, *orders: bytes) -> list[tuple[int, ...]]:
        """Words for each order."""
        answer = self.agent.probe("/sys/kernel/debug/probe/slab_caches", b"".join(orders))
        found, at = [], 0
        while at < len(answer):
            (count,) = struct.unpack_from("<I", answer, at)
            found.append(struct.unpack_from(f"<{count}Q", answer, at + 4))
            at += 4 + 8 * count
        return found

    def create(self, size: int, align: int = 0, flags: int = 0, ctor: int = 0, number: int = 0) -> Cache:
        words = self.ask(order(CREATE, number, n=ctor, x=size, y=align | flags << 32))[0]
        check_equal(words[0], 0, f"errno for a cache of {size} bytes")
        return Cache(number, *words[1:14], tuple(words[14:18]))

    def alloc(self, cache: Cache, count: int, cpu: int = 0, how: int = NORMAL) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            found += self.ask(order(ALLOC, cache.number, cpu, min(count - len(found), 4000), how))[0]
            if not found[-1]:
                break
        return [at for at in found if at]

    def free(self, cache: Cache, objects, cpu: int = 0) -> None:
        objects = list(objects)
        for i in range(0, len(objects), 4000):
            part = objects[i : i + 4000]
            self.ask(order(FREE, cache.number, cpu, len(part)) + struct.pack(f"<{len(part)}Q", *part))

    def shrink(self, cache: Cache, cpu: int = 0) -> int:
        return self.ask(order(SHRINK, cache.number, cpu))[0][0]

    def destroy(self, cache: Cache) -> int:
        return self.ask(order(DESTROY, cache.number))[0][0]

    def stats(self, cache: Cache) -> dict[str, int]:
        words = self.ask(order(STATS, cache.number))[0]
        return {name: words[i] for name, i in STAT.items()}

    def picture(self, cache: Cache, held=()) -> Picture:
        return Picture(self.machine, cache, held)

    def check_sound(self, cache: Cache, held=()) -> Picture:
        picture = self.picture(cache, held)
        picture.check_sound(held)
        return picture

    def check_storm(self, cache: Cache) -> None:
        """All processors at once, each frees what others have allocated: nothing twice, nothing lost."""
        twice, left = self.ask(order(STORM, cache.number, n=1500))[0]
        check_equal(twice, 0, "objects that two had in hand")
        check_equal(left, 0, "objects in use when all were freed")
        self.check_sound(cache)

    def free_pages(self) -> int:
        """As /proc/meminfo has it, in KiB."""
        return proc_number(self.agent, "/proc/meminfo", "MemFree:")


def order(what: int, cache: int = 0, cpu: int = 0, n: int = 0, x: int = 0, y: int = 0) -> bytes:
    return struct.pack("<BBHIQQ", what, cache, cpu, n, x, y)
