"""Address spaces of programs in a running kernel, read from the stopped machine's memory.

A Script is what /sbin/vmtool is to do (userland/vmtool/vmtool.h); at each look() in it the machine can be stopped and
page tables and Pages be read as the processor and src/mm/page.h describe them. What the kernel says of
itself is asked for only where it is to agree with that: its counts of pages.
"""

from __future__ import annotations

import contextlib
import dataclasses
import struct

from vitrine_grader.failure import Failure, check, check_equal
from vitrine_grader.machine import SECOND
from vitrine_grader.memory import PAGE, FrameInfo, Memory, proc_number
from vitrine_grader.paging import FRAME, LARGE, NX, PRESENT, USER
from vitrine_grader.paging import WRITE as WRITABLE

(PAUSE, NAP, STOP, LAST, LEAVE, PID, CPU, MAP, UNMAP, PROTECT, ADVISE, READ, WRITE, FILL, DIFFERS, POKE, FORK, THREAD,
 REAP, COST_ZERO, COST_COPY, COST_FORK, JUNK, SQUEEZE, READ_ON, WRITE_ON, RUN_ON, RACE) = range(28)  # fmt: skip
FAULT, REFUSED, SEGV = 1 << 63, 1 << 62, 11
NONE, R, RW = 0, 1, 3  # PROT_*
PRIVATE, SHARED, ANONYMOUS = 2, 1, 0x20  # MAP_*
DONTFORK, WIPEONFORK, DONTNEED, NOHUGEPAGE = 10, 18, 4, 15  # MADV_*
ACCESSED, DIRTY, SPECIAL = 0x20, 0x40, 0x200
BUDDY, ANON, TABLE, PCP, LRU, LRU_PENDING = 1 << 1, 1 << 8, 1 << 9, 1 << 10, 1 << 12, 1 << 21
FOREVER = 1 << 60  # ns: time flies in a machine in which everybody waits
LEAF_SPAN = 512 * PAGE  # what one leaf table translates
LOWEST, HIGHEST = 1 << 40, 1 << 45  # where draw_place() draws from: far from all that programs have there anyway


class Answer:
    """What vmtool will have answered to an order."""

    def __init__(self, index: int, text: str):
        self.index, self.text, self._value = index, text, None

    @property
    def value(self) -> int:
        check(self._value is not None, "the program comes to its next step", observed=f"it did not: {self.text}")
        return self._value

    def set(self, value: int) -> None:
        self._value = value


class Script:
    """Orders, drawn up before they are carried out. Processes are numbers from 1; 1 is there from the start."""

    def __init__(self):
        self.orders: list[bytes] = []
        self.answers: list[Answer] = []
        self.zero: list[Answer] = []  # whose answer must be 0
        self.numbers = {1: self._add("process 1 tells its number", 1, PID)}

    def _add(self, text: str, who: int, what: int, at: int = 0, n: int = 0, value: int = 0) -> Answer:
        self.orders.append(struct.pack("<5Q", who, what, at, n, value & (1 << 64) - 1))
        self.answers.append(Answer(len(self.answers), text))
        return self.answers[-1]

    def _done(self, *order) -> None:
        self.zero.append(self._add(*order))

    def look(self) -> Answer:
        """Here it waits, until somebody has looked."""
        return self._add("it waits to be looked at", 0, PAUSE)

    def nap(self, microseconds: int) -> None:
        self._done("all wait a moment", 0, NAP, 0, microseconds)

    def on_cpu(self, who: int, cpu: int) -> None:
        self._done(f"process {who} goes to processor {cpu}", who, CPU, cpu)

    def map(self, who: int, at: int, pages: int, prot: int = RW, flags: int = PRIVATE | ANONYMOUS, first: int = 0) -> None:
        """Without ANONYMOUS: pages of a scratch file that all share, from `first` on."""
        self._done(f"process {who} maps {pages} pages at {at:#x}", who, MAP, at, pages, prot | flags << 8 | first << 40)

    def unmap(self, who: int, at: int, pages: int) -> None:
        self._done(f"process {who} unmaps {pages} pages at {at:#x}", who, UNMAP, at, pages)

    def protect(self, who: int, at: int, pages: int, prot: int) -> None:
        self._done(f"process {who} calls mprotect({at:#x}, {pages} pages, {prot})", who, PROTECT, at, pages, prot)

    def advise(self, who: int, at: int, pages: int, advice: int) -> None:
        self._done(f"process {who} calls madvise({at:#x}, {pages} pages, {advice})", who, ADVISE, at, pages, advice)

    def read(self, who: int, at: int) -> Answer:
        return self._add(f"process {who} reads {at:#x}", who, READ, at)

    def write(self, who: int, at: int, value: int) -> None:
        self._done(f"process {who} writes to {at:#x}", who, WRITE, at, 0, value)

    def try_write(self, who: int, at: int, value: int) -> Answer:
        """0, or FAULT | signal."""
        return self._add(f"process {who} writes to {at:#x}", who, WRITE, at, 0, value)

    def fill(self, who: int, at: int, pages: int, value: int) -> None:
        self._done(f"process {who} fills {pages} pages at {at:#x}", who, FILL, at, pages, value)

    def differs(self, who: int, at: int, pages: int, value: int) -> Answer:
        """How many words are not `value`."""
        return self._add(f"process {who} reads {pages} pages at {at:#x}", who, DIFFERS, at, pages, value)

    def junk(self, who: int, pages: int, value: int) -> None:
        """Pages of the kernel's are freed that are full of this word."""
        self._done(f"process {who} fills pipes", who, JUNK, 0, pages, value)

    def squeeze(self, who: int, at: int, pages: int, ballast: int) -> Answer:
        """mlock() of more than there is memory for; then the `ballast` pages behind are given back. 0, or REFUSED | errno."""
        return self._add(f"process {who} calls mlock({at:#x}, {pages} pages)", who, SQUEEZE, at, pages, ballast)

    def poke(self, who: int, at: int, value: int) -> None:
        self._done(f"process {who} writes to {at:#x} as a debugger does", who, POKE, at, 0, value)

    def fork(self, who: int, child: int) -> None:
        self.numbers[child] = self._add(f"process {who} forks", who, FORK, 0, child)

    def thread(self, who: int, other: int) -> None:
        self.numbers[other] = self._add(f"process {who} makes a thread", who, THREAD, 0, other)

    def leave(self, who: int) -> None:
        self._done(f"process {who} ends", who, LEAVE)

    def cost(self, kind: int, pages: int) -> Answer:
        return self._add("process 1 measures", 1, kind, 0, pages)

    def read_on(self, who: int, at: int) -> Answer:
        return self._add(f"process {who} reads {at:#x} again and again", who, READ_ON, at)

    def write_on(self, who: int, at: int) -> None:
        self._done(f"process {who} writes to {at:#x} again and again", who, WRITE_ON, at)

    def run_on(self, who: int) -> None:
        self._done(f"process {who} computes", who, RUN_ON)

    def race(self, whos: tuple[int, ...], at: int, pages: int) -> None:
        """All write to all the pages at once, each its number to a word of its own: 1 + who."""
        for who in whos:
            self._done(f"process {who} joins the race", who, RACE, at, pages, len(whos))
        for who in whos:
            self.stop(who)

    def stop(self, who: int) -> tuple[Answer, Answer]:
        """How often it did what it went on with, or FAULT | signal; and the value that it saw or wrote last."""
        return self._add(f"process {who} stops", who, STOP), self._add(f"process {who} tells what it saw last", who, LAST)


@dataclasses.dataclass(frozen=True)
class Counts:
    """What the kernel has counted for an address space, in pages."""

    root: int
    tables: int
    anon: int
    file: int
    shmem: int
    cpus: int
    tlb_gen: int
    users: int


class Space:
    """The user half of a process's page tables."""

    def __init__(self, memory: Memory, counts: Counts):
        self.memory, self.counts = memory, counts
        self.tables: dict[int, int] = {}  # physical address: level, 0 for leaf tables
        self.entries: dict[int, int] = {}  # of the leaves, by what they translate
        self._leaves: dict[int, int] = {}  # leaf tables, by the first address that they translate
        self.bad_links: list[str] = []
        self._walk(counts.root, 3, 0)

    def _walk(self, table: int, level: int, base: int) -> None:
        check(table not in self.tables, "no page table stands in two places", observed=f"the table at {table:#x}")
        self.tables[table] = level
        if level == 0:
            self._leaves[base] = table
        shift = 12 + 9 * level
        for i, entry in enumerate(struct.unpack("<512Q", self.memory.frame(table))[: 256 if level == 3 else 512]):
            at = base + (i << shift)
            if level == 0 or (level == 1 and entry & PRESENT and entry & LARGE):
                if entry:
                    self.entries[at] = entry
                continue
            if not entry:
                continue
            if entry & (PRESENT | WRITABLE | USER) != PRESENT | WRITABLE | USER or entry & NX:
                self.bad_links.append(f"{entry:#x} for {at:#x}, level {level}")
            if entry & PRESENT:
                self._walk(entry & FRAME, level - 1, at)

    def __getitem__(self, at: int) -> int:
        return self.entries.get(at & -PAGE, 0)

    def frame(self, at: int) -> int:
        """Where the page is, in physical memory."""
        entry = self[at]
        check(entry & PRESENT, f"a page is mapped at {at:#x}", observed=f"the entry is {entry:#x}")
        return entry & FRAME

    def info(self, at: int) -> FrameInfo:
        return self.memory.info(self.frame(at))

    def words(self, at: int, count: int = 512) -> tuple[int, ...]:
        """The first words of a page."""
        return struct.unpack(f"<{count}Q", self.memory.piece(self.frame(at), 8 * count))

    def of_leaf(self, at: int) -> int | None:
        """The leaf table that translates `at`, if there is one."""
        return self._leaves.get(at // LEAF_SPAN * LEAF_SPAN)

    def pages(self, anon: bool) -> list[int]:
        """Addresses of the pages that are counted: anonymous ones, or the others."""
        found = []
        for at, entry in self.entries.items():
            if entry & SPECIAL or not entry & FRAME or not entry & USER:
                continue
            if bool(self.memory.info(entry & FRAME).flags & ANON) == anon:
                found += [at] * (512 if entry & LARGE and entry & PRESENT else 1)
        return found

    def check_sound(self) -> None:
        """What must be so of any process at any time when nobody is in the middle of something."""
        check(not self.bad_links, "entries that lead to tables grant every right", observed="; ".join(self.bad_links[:3]))
        for table, level in self.tables.items():
            info = self.memory.info(table)
            check(info.flags & TABLE and info.references == 1, f"a page table of level {level} is one page of its own, marked as such",
                  observed=f"flags {info.flags:#x}, {info.references} references")  # fmt: skip
        check_equal(self.counts.tables, len(self.tables) - 1, "page tables below the first, as counted (page_table_pages) and as found")
        check_equal(self.counts.anon, len(self.pages(True)), "anonymous pages, as counted (rss_anon) and as mapped")
        check_equal(self.counts.file + self.counts.shmem, len(self.pages(False)), "pages of files, as counted and as mapped")
        for at, entry in self.entries.items():
            if not entry & PRESENT:
                continue
            check(entry & USER, f"the entry for {at:#x} is for users", observed=f"{entry:#x}")
            if not entry & WRITABLE:
                continue
            check(entry & DIRTY, f"the entry for {at:#x}, which may be written to, is dirty", observed=f"{entry:#x}")
            check(not entry & SPECIAL, f"nobody may write to the zero page, at {at:#x}", observed=f"{entry:#x}")


class Picture:
    """The processes of a script at one moment: while the machine is stopped."""

    def __init__(self, machine, counts: dict[int, Counts]):
        self.memory = Memory(machine)
        self.spaces = {who: Space(self.memory, counts[who]) for who in counts}
        for space in self.spaces.values():
            space.check_sound()

    def __getitem__(self, who: int) -> Space:
        return self.spaces[who]

    def check_shares(self) -> None:
        """Each anonymous page of the script's has as many references and mappings as entries lead to it."""
        shown: dict[int, list[tuple[int, int, int]]] = {}  # frame: (process, address, entry)
        for who, space in self.spaces.items():
            for at, entry in space.entries.items():
                shown.setdefault(entry & FRAME, []).append((who, at, entry))
        led: dict[int, int] = {}
        for space in {space.counts.root: space for space in self.spaces.values()}.values():
            for at in space.pages(True):
                if not LOWEST <= at < HIGHEST:
                    continue  # the programs' own, which others share that are not looked at
                frame = space[at] & FRAME
                led[frame] = led.get(frame, 0) + 1
        for frame, entries in led.items():
            info = self.memory.info(frame)
            where = ", ".join(f"{at:#x} of {who}" for who, at, _ in shown[frame])
            check_equal(info.mappings, entries, f"mappings of the page at {where}")
            check_equal(info.references, entries, f"references to the page at {where}, one for each entry")
            if entries > 1:
                writers = [who for who, _, entry in shown[frame] if entry & WRITABLE]
                check(not writers, f"nobody may write to the page that others have, too, at {where}", observed=f"processes {writers} may")


class Run:
    """A script that is being carried out."""

    def __init__(self, machine, script: Script):
        self.machine, self.agent, self.script = machine, machine.agent, script
        self._data, self._known, self._done = bytearray(), 0, False
        self._job, _ = self.agent.start(["/sbin/vmtool"], stdin=b"".join(script.orders), limit_ns=FOREVER)

    def _take(self) -> None:
        report = self.agent.job(self._job, wait_ns=SECOND // 2, limit_ns=20 * SECOND)
        self._data += report.out
        self._done = report.done
        count = len(self._data) // 8
        for i, value in enumerate(struct.unpack_from(f"<{count}Q", self._data)):
            if i >= self._known:
                self.script.answers[i].set(value)
        self._known = max(self._known, count)

    def until(self, answer: Answer) -> None:
        """Waits for it; Failure with the step at which the program stood if it does not come."""
        waited = 0
        while self._known <= answer.index:
            before = self._known
            self._take()
            waited = 0 if self._known > before else waited + 1
            if self._known <= answer.index and (self._done or waited > 20):
                step = self.script.answers[self._known].text
                raise Failure("the programs do what they are told", expected="the next step done", observed=f"{'ended' if self._done else 'no end'} at: {step}")
        self._check_zero()

    def _check_zero(self) -> None:
        for answer in self.script.zero:
            if answer.index < self._known:
                check(answer.value == 0, f"{answer.text}: it works", expected="0", observed=_named(answer.value))

    def counts(self) -> dict[int, Counts]:
        """Of every process that is there, by its number in the script."""
        numbers = {who: answer.value for who, answer in self.script.numbers.items() if answer.index < self._known}
        data = self.agent.probe("/sys/kernel/debug/probe/vm_spaces", struct.pack(f"<{len(numbers)}I", *numbers.values()))
        rows = [Counts(*row) for row in struct.iter_unpack("<8Q", data)]
        return {who: row for who, row in zip(numbers, rows) if row.root}

    def go(self) -> None:
        """On from a look()."""
        self.agent.kill(self._job, 10)

    @contextlib.contextmanager
    def looking(self, at: Answer):
        """The picture at a look(); behind it the script goes on."""
        self.until(at)
        counts = self.counts()
        self.machine.pause()
        try:
            yield Picture(self.machine, counts)
        finally:
            self.machine.resume()
        self.go()

    def finish(self) -> None:
        """To the end of the script."""
        self.until(self.script.answers[-1])
        self._check_zero()
        for _ in range(20):
            if self._done:
                return
            self._take()


def play(machine, script: Script) -> Run:
    """A script without looks, to its end."""
    run = Run(machine, script)
    run.finish()
    return run


def settle(machine) -> None:
    """Until those who ended have given back all they had: their last tables go after their parent was told."""
    script = Script()
    script.nap(50_000)
    play(machine, script)


def _named(value: int) -> str:
    if value & FAULT:
        return f"signal {value & 0xFF}"
    return f"errno {value & 0xFFFF}" if value >> 62 == 1 else hex(value)


def draw_place(rng, pages: int = 512) -> int:
    """An address where nothing is, at no beginning of a table."""
    span = 1 << 30
    base = rng.randrange(LOWEST, HIGHEST // 2) & -span
    return base + rng.randrange(PAGE, span - pages * PAGE, PAGE)


def free_kib(agent) -> int:
    """MemFree of /proc/meminfo: up to 512 KiB less for each processor, which keeps so many free pages for itself."""
    return proc_number(agent, "/proc/meminfo", "MemFree:")
