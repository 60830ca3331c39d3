"""`make visual`: what it draws is what the kernel says in /proc; what is damaged is said, and never followed for ever."""
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

import pytest

from machines import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "handouts"))

from visual import Damaged, VisualError, frames, free_lists, gallery, slabs, tables  # noqa: E402 (needs the path above)
from visual.__main__ import DEFAULT  # noqa: E402
from visual.guest import Guest  # noqa: E402
from visual.memory import PAGE, Memory  # noqa: E402
from visual.pictures import look, pictures  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
QUIET = "vm_area_struct"  # nothing changes it between the question and the stop


def guest_of(built, **fields):
    return Guest(built["kernel"], built["elf"], built["shell"], **fields)


@pytest.fixture(scope="module", params=[1, 2], ids=["1cpu", "2cpus"])
def stopped(request, built):
    """(guest, what it said of zones, what was seen): a process with 9 MiB, some of them in huge pages."""
    with guest_of(built, smp=request.param) as guest:
        pid = guest.start(DEFAULT)
        zones = guest.agent.read_file("/proc/zoneinfo").decode()
        yield guest, zones, look(guest, pid, QUIET)


@pytest.fixture(scope="module")
def seen(stopped):
    return stopped[2]


def test_every_frame_is_drawn_once(stopped):
    _, zones, seen = stopped
    present = sum(map(int, re.findall(r"present +(\d+)", zones)))
    assert seen.frames.total() == present == sum(end - start for start, end in seen.frames.ranges)
    runs = seen.frames.runs
    assert all(a.end <= b.start for a, b in zip(runs, runs[1:]))
    image = seen.frames.total(frames.IMAGE) + seen.frames.total(frames.RESERVED)
    managed = sum(map(int, re.findall(r"managed +(\d+)", zones)))
    assert image == present - managed


def test_free_frames_are_those_of_buddyinfo(seen):
    said = [list(map(int, row.split())) for row in re.findall(r"zone +\w+((?: +\d+)+)", seen.said.buddyinfo)]
    told = sum(count << order for row in said for order, count in enumerate(row))
    listed = sum(zone.free_pages for zone in seen.zones)
    held = sum(zone.pcp_pages for zone in seen.zones)
    assert abs(told - listed) <= held + 64, "a batch may have moved between the question and the stop"
    assert seen.frames.total(frames.FREE) == listed and seen.frames.total(frames.PCP) == held
    by_order = {order: sum(zone.blocks(order) << order for zone in seen.zones) for order in range(11)}
    assert seen.frames.free_by_order() == {order: count for order, count in by_order.items() if count}


def test_page_tables_are_those_of_pagemap(seen):
    told = {page: word & (1 << 55) - 1 for page, word in seen.said.pagemap.items() if word >> 63}
    assert seen.pages == told and len(told) > 9 << 8
    huge = [leaf for table in seen.table.all() if table.level == 2 for leaf in table.leaves]
    assert sum(leaf.count for leaf in huge) >= 3, "9 MiB have at least three aligned pieces of 2 MiB"
    assert {table.level for table in seen.table.all()} == {1, 2, 3, 4} and seen.table.kernel
    inside = tables.areas(seen.said.maps)
    assert all(any(area.start <= page * PAGE < area.end for area in inside) for page in seen.pages)
    used = {run.use for run in seen.frames.runs for table in seen.table.all() if run.start <= table.frame < run.end}
    assert used == {frames.TABLE}


def test_objects_are_those_of_slabinfo(seen):
    used, total, size = map(int, re.search(rf"^{QUIET} +(\d+) +(\d+) +(\d+)", seen.said.slabinfo, re.MULTILINE).groups())
    assert (seen.cache.in_use, seen.cache.objects, seen.cache.slot_size) == (used, total, size)
    assert any(slab.holder == "CPU 0" for slab in seen.cache.slabs)
    for slab in seen.cache.slabs:
        assert sorted(slab.used + slab.chain + slab.cpu_chain) == list(range(slab.objects))
        assert slab.frozen == slab.holder.startswith("CPU")


def test_all_caches_can_be_read(stopped):
    """Objects of all of them together are within the frames that the map calls slabs."""
    guest, _, seen = stopped
    memory = guest.freeze()
    found = {name: slabs.read(memory, seen.frames, name, guest.cpus) for name in slabs.caches(memory)}
    roots = {cache.name: cache for cache in found.values()}
    assert len(roots) > 15 and sum(len(cache.slabs) for cache in roots.values()) == len(seen.frames.slab_heads)
    assert sum(1 << slab.order for cache in roots.values() for slab in cache.slabs) == seen.frames.total(frames.SLAB)
    with pytest.raises(VisualError, match="there is no slab cache nonsense; there are .*dentry"):
        slabs.read(memory, seen.frames, "nonsense", guest.cpus)
    with pytest.raises(VisualError, match="process 2 has no address space"):
        tables.root_of(memory, 2)


def test_cr3_is_that_of_who_computes(built):
    """A process that computes has its tables loaded, as the stub tells."""
    with guest_of(built) as guest:
        pid = guest.start("exec /sbin/load burn /tmp/ready")
        seen = look(guest, pid, QUIET)
        assert seen.loaded_by == [0]
        assert guest.loaded() == [guest._machine.registers(cpu)["cr3"] for cpu in range(guest.cpus)]


def test_pictures_are_whole(seen, tmp_path):
    drawn = pictures(seen)
    assert list(drawn) == ["memory", "space", "free_lists", "slab"]
    for title, svg in drawn.values():
        root = tree.fromstring(svg)
        assert root.find(f"{SVG}title").text == title and len(root.find(f"{SVG}desc").text) > 100
        width, height = float(root.get("width")), float(root.get("height"))
        for text in root.iter(f"{SVG}text"):
            long = 0.62 * float(text.get("font-size", 11)) * len(text.text)
            left = float(text.get("x")) - {"middle": long / 2, "end": long}.get(text.get("text-anchor"), 0)
            assert left >= 0 and left + long <= width + 40 and 8 <= float(text.get("y")) <= height, text.text
        for bar in root.iter(f"{SVG}rect"):
            assert float(bar.get("x", 0)) + float(bar.get("width")) <= width
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    html = gallery.page("about", {name: title for name, (title, _) in drawn.items()})
    assert re.findall(r'src="(\w+)\.svg"', html) == list(drawn) and "//" not in html


class Hurt:
    """The stopped machine's memory, with words changed."""

    def __init__(self, memory):
        self._memory, self._words = memory, {}
        self.layouts = memory.layouts

    def change(self, address, value):
        """The word at a linear address."""
        self._words[self._memory.place(address)] = value.to_bytes(8, "little")

    def memory(self):
        def read(address, length):
            data = bytearray(self._memory.physical(address, length))
            for place, word in self._words.items():
                if address <= place < address + length:
                    data[place - address : place - address + 8] = word
            return bytes(data)

        return Memory(read, self._memory._cr3, self.layouts)


@pytest.fixture
def hurt(stopped):
    return Hurt(stopped[0].freeze())


def longest(seen):
    return max((one for zone in seen.zones for one in zone.lists), key=lambda one: len(one.frames))


@pytest.mark.parametrize("to, words", [("null", "breaks off"), ("itself", "names another"), ("nowhere", "nothing is mapped")])
def test_a_damaged_free_list(stopped, hurt, to, words):
    guest, _, seen = stopped
    memory = guest.freeze()
    link = frames.page_at(memory, longest(seen).frames[1])["link"]
    hurt.change(link["next_"].address, {"null": 0, "itself": link.address, "nowhere": 0xFFFFC800_00000000}[to])
    with pytest.raises(Damaged, match=words):
        free_lists.read(hurt.memory(), guest.cpus)


def test_a_damaged_array_of_pages(stopped, hurt):
    memory = stopped[0].freeze()
    head = next(run for run in stopped[2].frames.runs if run.use == frames.FREE and run.order == 10)
    page = frames.page_at(memory, head.start + 1)
    flags = memory.layouts.enums["mm::PageFlags"]
    hurt.change(page["flags"].address, flags["kPageBuddy"])  # inside another block: skipped with it
    assert frames.read(hurt.memory()).free_by_order() == stopped[2].frames.free_by_order()
    hurt.change(frames.page_at(memory, head.start)["flags"].address, 0)
    hurt.change(page["order"].address & ~7, 10 << 8 * (page["order"].address & 7))
    with pytest.raises(Damaged, match="of order 10 cannot be"):
        frames.read(hurt.memory())


def test_damaged_page_tables(stopped, hurt):
    guest, _, seen = stopped
    root, vmemmap = seen.table, guest.layouts.constant("arch::kVmemmap")
    assert vmemmap % PAGE == 0
    index = next(iter(root.children))
    hurt._words[root.frame * PAGE + 8 * index] = (root.frame * PAGE | 7).to_bytes(8, "little")
    with pytest.raises(Damaged, match="is used twice"):
        tables.read(hurt.memory(), root.frame)
    hurt._words[root.frame * PAGE + 8 * index] = (1 << 45 | 7).to_bytes(8, "little")
    with pytest.raises(Damaged, match="which is no RAM"):
        tables.read(hurt.memory(), root.frame)


@pytest.mark.parametrize("to, words", [("first", "circle"), ("between", "leads to"), ("end", "counts|counted")])
def test_a_damaged_chain_of_objects(stopped, hurt, to, words):
    guest, _, seen = stopped
    memory = guest.freeze()
    cache = slabs.caches(memory)[QUIET]["root"].follow("mm::KmemCache")
    slab = max(seen.cache.slabs, key=lambda slab: len(slab.cpu_chain) + len(slab.chain))
    offset = memory.number(guest.layouts.address("per_cpu_offset") + 8 * int(slab.holder.split()[1]))
    processor = memory.view("mm::KmemCacheCpu", cache["cpu_slab"].value + offset & (1 << 64) - 1)
    first = (processor["freelist"] if slab.cpu_chain else frames.page_at(memory, slab.frame)["slab_freelist"]).value
    word = {"first": first, "between": first + 1, "end": first ^ 1 << 46}[to]
    hurt.change(first + cache["offset"].value, word)
    with pytest.raises(Damaged, match=words if to != "end" else "mapped|leads|no memory"):
        slabs.read(hurt.memory(), seen.frames, QUIET, guest.cpus)


def test_errors_are_one_line(built, tmp_path):
    """In a pipe: no progress, one sentence, and a status."""
    command = [sys.executable, str(REPOSITORY / "handouts/visual/__main__.py"), "--kernel", built["kernel"], "--elf", built["elf"],
               "--initrd", built["shell"], "--output", tmp_path]
    done = subprocess.run([*command, "--program", "true"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and re.fullmatch(r"visual: the program has ended \(process \d+\); .*\n", done.stderr)
    assert done.stdout == "" and not list(tmp_path.iterdir())
    done = subprocess.run([*command, "--elf", built["disk"]], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and "no readable debugging information" in done.stderr
    done = subprocess.run([*command, "--elf", tmp_path / "none"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and "not there" in done.stderr


COMMITTED = sorted((REPOSITORY / "handouts/_static/memory").glob("*.svg"))


def test_the_chapters_show_each_picture():
    text = "".join((REPOSITORY / f"handouts/kernel/{name}.md").read_text() for name in ("page_faults", "pages", "slab_pictures"))
    shown = re.findall(r"\{figure\} \.\./_static/memory/(\w+)\.svg\n---\nalt: ", text)
    assert sorted(shown) == [path.stem for path in COMMITTED]
    for path in COMMITTED:
        tree.parse(path)
