"""A process's page tables, all four levels, walked in physical memory; and its areas, from /proc/<pid>/maps."""
import dataclasses
import struct

from vitrine_grader.paging import FRAME, LARGE, NX, PRESENT, USER, WRITE

from . import Damaged, VisualError
from .frames import ram_ranges
from .memory import PAGE, Memory

ACCESSED, DIRTY, GLOBAL = 1 << 5, 1 << 6, 1 << 8
MOST_TABLES = 4096


@dataclasses.dataclass(frozen=True)
class Area:
    """A line of maps."""

    start: int
    end: int
    rights: str
    name: str


@dataclasses.dataclass(frozen=True)
class Leaf:
    """Entries next to each other that map memory with the same flags."""

    index: int
    count: int
    address: int
    frame: int  # of the first
    flags: int
    contiguous: bool  # whether the frames are

    @property
    def end(self) -> int:
        return self.index + self.count


@dataclasses.dataclass(frozen=True)
class Table:
    """One page of entries. `children` by the index of the entry that leads there."""

    level: int
    frame: int
    address: int  # the first that it translates
    leaves: list[Leaf]
    children: dict[int, "Table"]
    kernel: list[int] = dataclasses.field(default_factory=list)  # entries of the half that all share

    def all(self) -> list["Table"]:
        """Itself and those below, depth first."""
        return [self] + [table for child in self.children.values() for table in child.all()]


def areas(maps: str) -> list[Area]:
    found = []
    for line in maps.splitlines():
        place, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
        start, end = (int(number, 16) for number in place.split("-"))
        found.append(Area(start, end, rights, name[0] if name else ""))
    return found


def root_of(memory: Memory, pid: int) -> int:
    """The frame of a process's top-level table, by way of its Task and MmStruct."""
    pids = memory.layouts.address("sched::(anonymous namespace)::pids")
    number = memory.view("sched::Pid", memory.number(pids + 8 * pid) or _nobody(pid))
    task = number["task"].follow("sched::Task")
    if task is None:
        _nobody(pid)
    if task["pid"].value != pid:
        raise Damaged(f"the task of number {pid} says it is {task['pid'].value}")
    mm = task["mm"].follow("vm::MmStruct")
    if mm is None:
        raise VisualError(f"process {pid} has no address space: it is a kernel thread, or has ended")
    table = memory.place(mm["page_table"].value)
    if table % PAGE:
        raise Damaged(f"the page table of process {pid} is no page: {mm['page_table'].value:#x}")
    return table // PAGE


def _nobody(pid: int):
    raise VisualError(f"there is no process {pid}")


class _Walker:
    def __init__(self, memory: Memory):
        self._memory, self._ram, self._seen = memory, ram_ranges(memory), set()

    def walk(self, frame: int, level: int, base: int) -> Table:
        """The table in `frame`, which translates addresses from `base` on."""
        if not any(start <= frame < end for start, end in self._ram):
            raise Damaged(f"a page table of level {level} at frame {frame:#x}, which is no RAM")
        if frame in self._seen or len(self._seen) >= MOST_TABLES:
            raise Damaged(f"the page table in frame {frame:#x} is used twice" if frame in self._seen else
                          f"more than {MOST_TABLES} page tables")
        self._seen.add(frame)
        entries = struct.unpack("<512Q", self._memory.physical(frame * PAGE, PAGE))
        shift, leaves, children = 12 + 9 * (level - 1), [], {}
        for index, entry in enumerate(entries[:256] if level == 4 else entries):
            if not entry & PRESENT:
                continue
            address = base + (index << shift)
            if level == 1 or (level < 4 and entry & LARGE):
                self._add(leaves, index, address, entry, 1 << (shift - 12))
            else:
                children[index] = self.walk((entry & FRAME) // PAGE, level - 1, address)
        shared = [i for i in range(256, 512) if entries[i] & PRESENT] if level == 4 else []
        return Table(level, frame, base, leaves, children, shared)

    @staticmethod
    def _add(leaves: list[Leaf], index: int, address: int, entry: int, frames: int) -> None:
        flags, frame = entry & ~FRAME, (entry & FRAME & ~((frames << 12) - 1)) // PAGE
        last = leaves[-1] if leaves else None
        if last and last.end == index and last.flags == flags:
            contiguous = last.contiguous and frame == last.frame + last.count * frames
            leaves[-1] = dataclasses.replace(last, count=last.count + 1, contiguous=contiguous)
        else:
            leaves.append(Leaf(index, 1, address, frame, flags, True))


def read(memory: Memory, root: int) -> Table:
    """All tables of the user half, from the top-level one in frame `root`."""
    return _Walker(memory).walk(root, 4, 0)


def pages(memory: Memory, table: Table) -> dict[int, int]:
    """Frame by page number, of every page that is mapped."""
    found = {}
    for each in table.all():
        entries = struct.unpack("<512Q", memory.physical(each.frame * PAGE, PAGE))
        span = 1 << 9 * (each.level - 1)
        for leaf in each.leaves:
            for index in range(leaf.index, leaf.end):
                first = (entries[index] & FRAME) // PAGE & ~(span - 1)
                page = (each.address // PAGE) + index * span
                found |= {page + i: first + i for i in range(span)}
    return found


def flags_text(flags: int) -> str:
    """As letters: user, write, execute, accessed, dirty, global, huge; a dash where it is not."""
    bits = ((USER, "U"), (WRITE, "W"), (ACCESSED, "A"), (DIRTY, "D"), (GLOBAL, "G"))
    text = "".join(letter if flags & bit else "-" for bit, letter in bits)
    return text[:2] + ("-" if flags & NX else "X") + text[2:]
