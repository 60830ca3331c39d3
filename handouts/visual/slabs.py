"""A cache's slabs: who holds each, its counters, its chain of free objects. See: src/mm/slab/internal.h."""
import dataclasses

from . import Damaged, VisualError
from .frames import FrameMap, frame_of, page_at
from .memory import PAGE, Memory, View

MOST_CACHES, MOST_SLABS = 4096, 1 << 16


@dataclasses.dataclass(frozen=True)
class Slab:
    frame: int
    holder: str         # "CPU 0", "CPU 0 partial", "node partial", "full"
    objects: int
    inuse: int          # as its counters say: not on its own chain
    frozen: bool
    order: int
    chain: list[int]    # its own freelist: numbers of objects, first to last
    cpu_chain: list[int]  # what the processor hands out next

    @property
    def used(self) -> list[int]:
        """Objects that somebody has."""
        free = {*self.chain, *self.cpu_chain}
        return [i for i in range(self.objects) if i not in free]


@dataclasses.dataclass(frozen=True)
class Cache:
    name: str
    aliases: list[str]
    object_size: int
    slot_size: int
    hardened: bool
    slabs: list[Slab]

    @property
    def in_use(self) -> int:
        return sum(len(slab.used) for slab in self.slabs)

    @property
    def objects(self) -> int:
        return sum(slab.objects for slab in self.slabs)


def caches(memory: Memory) -> dict[str, View]:
    """All of them, by name; an alias leads to its own descriptor."""
    found, at = {}, memory.variable("mm::(anonymous namespace)::caches")
    while at:
        if len(found) >= MOST_CACHES:
            raise Damaged("the list of caches has no end")
        cache = memory.view("mm::KmemCache", at)
        name = cache["name_"].text
        if name in found and found[name].address == at:
            raise Damaged(f"the list of caches leads back to {name}")
        found.setdefault(name, cache)
        at = cache["next"].value
    return found


class _Reader:
    """Reads the slabs of one cache."""

    def __init__(self, memory: Memory, cache: View, name: str):
        self._memory, self._cache, self._name = memory, cache, name
        self._size, self._offset, self._pad = (cache[field].value for field in ("size", "offset", "red_left_pad"))
        self._secret = cache["secret"].value
        self.slabs: dict[int, Slab] = {}

    def slab(self, page: int, holder: str, cpu_freelist: int = 0) -> None:
        """Adds the slab whose Page is at `page`."""
        frame = frame_of(self._memory, page)
        if frame in self.slabs:
            raise Damaged(f"{self._name}: the slab at frame {frame:#x} is {self.slabs[frame].holder} and {holder}")
        view = page_at(self._memory, frame)
        flags = self._memory.layouts.enums["mm::PageFlags"]
        if not view["flags"].value & flags["kPageSlab"] or view["slab_cache"].value != self._cache.address:
            raise Damaged(f"{self._name}: the slab at frame {frame:#x} is another's")
        counters = self._memory.layouts.type("mm::SlabCounters").members
        inuse, objects, frozen = ((view["slab_counters"].value >> 8 * counters[field][0]) & 0xFFFF
                                  for field in ("inuse", "objects", "frozen"))
        chain = self._chain(frame, view["slab_freelist"].value, objects)
        cpu_chain = self._chain(frame, cpu_freelist, objects)
        if len(chain) != objects - inuse or set(chain) & set(cpu_chain):
            raise Damaged(f"{self._name}: the slab at frame {frame:#x} has {len(chain)} objects on its chain and counts "
                          f"{objects - inuse}")
        self.slabs[frame] = Slab(frame, holder, objects, inuse, bool(frozen), view["order"].value, chain, cpu_chain)

    def _chain(self, frame: int, at: int, objects: int) -> list[int]:
        """Numbers of the objects on a free list. Damaged if it leaves the slab or has no end."""
        start = frame * PAGE + self._pad
        found: list[int] = []
        while at:
            index, rest = divmod(self._memory.place(at) - start, self._size)
            if rest or not 0 <= index < objects:
                raise Damaged(f"{self._name}: the free list of the slab at frame {frame:#x} leads to {at:#x}")
            if len(found) >= objects:
                raise Damaged(f"{self._name}: the free list of the slab at frame {frame:#x} is a circle")
            found.append(index)
            place = at + self._offset
            at = self._memory.number(place)
            if self._secret:
                at ^= self._secret ^ int.from_bytes(place.to_bytes(8, "little"), "big")
        return found

    def processor(self, cpu: int) -> None:
        """What a processor holds."""
        memory = self._memory
        offset = memory.number(memory.layouts.address("per_cpu_offset") + 8 * cpu)
        slot = memory.view("mm::KmemCacheCpu", (self._cache["cpu_slab"].value + offset) % (1 << 64))
        if slot["slab"].value:
            self.slab(slot["slab"].value, f"CPU {cpu}", slot["freelist"].value)
        at = slot["partial"].value
        while at:
            self.slab(at, f"CPU {cpu} partial")  # one that comes twice is an error
            at = memory.view("mm::Page", at)["slab_next"].value

    def node(self) -> None:
        for number in range(len(self._cache["node"])):
            node = self._cache["node"][number]
            for name, holder in (("partial", "node partial"), ("full", "full")):
                for page in node[name].elements("mm::Page", "link", MOST_SLABS, f"{self._name}, {holder} slabs"):
                    self.slab(page.address, holder)

    def others(self, heads: list[int]) -> None:
        """Full slabs are on no list: only the array of Page knows them."""
        for frame in heads:
            page = page_at(self._memory, frame)
            if frame not in self.slabs and page["slab_cache"].value == self._cache.address:
                self.slab(page.address, "full")


def read(memory: Memory, frames: FrameMap, name: str, cpus: int) -> Cache:
    """One cache. VisualError if there is none of this name."""
    all_caches = caches(memory)
    if name not in all_caches:
        raise VisualError(f"there is no slab cache {name}; there are {', '.join(sorted(all_caches))}")
    cache = all_caches[name]["root"].follow("mm::KmemCache")
    root_name = cache["name_"].text
    reader = _Reader(memory, cache, root_name)
    for cpu in range(cpus):
        reader.processor(cpu)
    reader.node()
    reader.others(frames.slab_heads)
    counted = sum(cache["node"][i]["nr_slabs"].value for i in range(len(cache["node"])))
    if counted != len(reader.slabs):
        raise Damaged(f"{root_name}: {len(reader.slabs)} slabs were found, {counted} are counted")
    aliases = [other for other, view in all_caches.items() if view["root"].value == cache.address and other != root_name]
    return Cache(root_name, aliases, cache["object_size"].value, cache["size"].value, cache["secret"].value != 0,
                 list(reader.slabs.values()))
