"""What each frame of RAM is used for: from the array of Page, checked as it is read."""
import dataclasses

from . import Damaged
from .memory import PAGE, Memory

FREE, PCP, SLAB, TABLE, ANON, CACHE, KERNEL, IMAGE, RESERVED = (
    "free", "free, a processor's", "slab", "page table", "anonymous", "page cache", "kernel", "kernel image", "reserved")
USES = (FREE, PCP, SLAB, TABLE, ANON, CACHE, KERNEL, IMAGE, RESERVED)


@dataclasses.dataclass(frozen=True)
class Run:
    """Frames next to each other with one use; `order` of a free block, else -1."""

    start: int
    count: int
    use: str
    order: int = -1

    @property
    def end(self) -> int:
        return self.start + self.count


@dataclasses.dataclass(frozen=True)
class FrameMap:
    ranges: list[tuple[int, int]]  # RAM: the first frame and the one behind the last
    runs: list[Run]                # all of RAM, in order
    slab_heads: list[int]

    def total(self, use: str | None = None) -> int:
        return sum(run.count for run in self.runs if use in (None, run.use))

    def free_by_order(self) -> dict[int, int]:
        """Frames in free blocks of each order."""
        found: dict[int, int] = {}
        for run in self.runs:
            if run.use == FREE:
                found[run.order] = found.get(run.order, 0) + run.count
        return found


def ram_ranges(memory: Memory) -> list[tuple[int, int]]:
    """The RAM that the kernel knows of, in frames; Damaged unless it is sorted."""
    ram = memory.view("RangeList", memory.layouts.address("mm::(anonymous namespace)::ram"))
    found, last = [], 0
    for i in range(ram["count_"].value):
        piece = ram["ranges_"][i]
        start, end = (piece[name].value // PAGE for name in ("start", "end"))
        if not last <= start < end:
            raise Damaged(f"the list of RAM is not sorted: {start * PAGE:#x} to {end * PAGE:#x} behind {last * PAGE:#x}")
        found.append((start, end))
        last = end
    return found


def page_at(memory: Memory, frame: int):
    """The Page of a frame."""
    size = memory.layouts.type("mm::Page").size
    return memory.view("mm::Page", memory.layouts.constant("arch::kVmemmap") + frame * size)


def frame_of(memory: Memory, page: int) -> int:
    """The frame that a pointer to a Page means. Damaged if it points elsewhere."""
    frame, rest = divmod(page - memory.layouts.constant("arch::kVmemmap"), memory.layouts.type("mm::Page").size)
    if rest or not any(start <= frame < end for start, end in ram_ranges(memory)):
        raise Damaged(f"{page:#x} is no page of RAM")
    return frame


class _Reader:
    """Reads the array of Page in one go; a View of each would take a minute."""

    def __init__(self, memory: Memory):
        self._type = memory.layouts.type("mm::Page")
        self._memory = memory
        flags = memory.layouts.enums["mm::PageFlags"]
        self._flags = {name.removeprefix("kPage"): bit for name, bit in flags.items()}
        self._cache = sum(self._flags[name] for name in ("Uptodate", "SwapBacked", "Dirty", "Writeback", "Locked"))
        start, end = (memory.layouts.address(f"__kernel_{place}") for place in ("start", "end"))
        base = memory.layouts.kernel_base
        self._max_order = memory.layouts.type("mm::Zone").members["free_area"][1].count - 1
        self._image = range((start - base) // PAGE, -(-(end - base) // PAGE))
        self.runs: list[Run] = []
        self.slab_heads: list[int] = []

    def _field(self, data: bytes, name: str) -> int:
        offset, type_ = self._type.members[name]
        return int.from_bytes(data[offset : offset + type_.size], "little")

    def read(self, start: int, end: int) -> None:
        size, base = self._type.size, self._memory.layouts.constant("arch::kVmemmap")
        data = self._memory.linear(base + start * size, (end - start) * size)
        at, head = start, (-1, KERNEL)  # the last head of a compound page, and what it is
        while at < end:
            page = data[(at - start) * size : (at - start + 1) * size]
            flags = self._field(page, "flags")
            if flags & self._flags["Buddy"]:
                at += self._free_block(page, at, end)
                continue
            if flags & self._flags["Tail"]:
                first = self._field(page, "head")
                if first != base + head[0] * size:
                    raise Damaged(f"frame {at:#x} is part of a compound page, but its head is {first:#x}")
                use = head[1]
            else:
                use = self._use(flags, at)
                if flags & self._flags["Head"]:
                    head = (at, use)
                if use == SLAB:
                    self.slab_heads.append(at)
            self._add(at, 1, use)
            at += 1

    def _free_block(self, page: bytes, at: int, end: int) -> int:
        order = self._field(page, "order")
        if order > self._max_order or at % (1 << order) or at + (1 << order) > end:
            raise Damaged(f"the free block at frame {at:#x} of order {order} cannot be")
        self.runs.append(Run(at, 1 << order, FREE, order))
        return 1 << order

    def _use(self, flags: int, frame: int) -> str:
        if flags & self._flags["Reserved"]:
            return IMAGE if frame in self._image else RESERVED
        for name, use in (("Pcp", PCP), ("Slab", SLAB), ("Table", TABLE), ("Anon", ANON)):
            if flags & self._flags[name]:
                return use
        return CACHE if flags & self._cache else KERNEL

    def _add(self, at: int, count: int, use: str) -> None:
        last = self.runs[-1] if self.runs else None
        if last and last.use == use and last.end == at and use != FREE:
            self.runs[-1] = Run(last.start, last.count + count, use)
        else:
            self.runs.append(Run(at, count, use))


def read(memory: Memory) -> FrameMap:
    """All of RAM."""
    reader, ranges = _Reader(memory), ram_ranges(memory)
    for start, end in ranges:
        reader.read(start, end)
    return FrameMap(ranges, reader.runs, reader.slab_heads)
