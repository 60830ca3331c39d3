"""The buddy system: each zone's lists of free blocks, and the lists of single pages of each processor."""
import dataclasses

from . import Damaged
from .frames import frame_of
from .memory import Memory, View

MOST = 1 << 20  # blocks of one list


@dataclasses.dataclass(frozen=True)
class FreeList:
    order: int
    type: int
    frames: list[int]  # in the order of the list


@dataclasses.dataclass(frozen=True)
class ZoneLists:
    node: int
    name: str
    free_pages: int
    lists: list[FreeList]                  # those that are not empty
    processors: list[list[tuple[int, list[int]]]]  # per processor: (type, frames)

    def blocks(self, order: int) -> int:
        return sum(len(one.frames) for one in self.lists if one.order == order)

    @property
    def pcp_pages(self) -> int:
        return sum(len(frames) for cpu in self.processors for _, frames in cpu)


def type_names(memory: Memory) -> list[str]:
    """Of migrate types, by number."""
    names = memory.layouts.enums["mm::MigrateType"]
    return sorted(names, key=names.get)


def read(memory: Memory, cpus: int) -> list[ZoneLists]:
    """Every zone that has memory, lowest first."""
    nodes = memory.variable("mm::nr_nodes", 4)
    table = memory.layouts.address("mm::node_data")
    if not 0 < nodes <= memory.layouts.constant("kMaxNodes"):
        raise Damaged(f"{nodes} nodes cannot be")
    found = []
    for number in range(nodes):
        node = memory.view("mm::Node", memory.number(table + 8 * number))
        zones = [node["zones"][i] for i in range(len(node["zones"]))]
        found += [_zone(memory, zone, number, cpus) for zone in zones if zone["present"].value]
    return found


def _zone(memory: Memory, zone: View, node: int, cpus: int) -> ZoneLists:
    name, lists = zone["name"].text, []
    for order in range(len(zone["free_area"])):
        area = zone["free_area"][order]
        for type_ in range(len(area["free_list"])):
            frames = _blocks(memory, area, order, type_, f"zone {name}, order {order}")
            if frames:
                lists.append(FreeList(order, type_, frames))
    free_pages = zone["free_pages"].value
    total = sum(len(one.frames) << one.order for one in lists)
    if total != free_pages:
        raise Damaged(f"zone {name}: {total} frames are on the lists, {free_pages} are counted")
    return ZoneLists(node, name, free_pages, lists, [_processor(memory, zone, cpu) for cpu in range(cpus)])


def _blocks(memory: Memory, area: View, order: int, type_: int, what: str) -> list[int]:
    """The blocks of one list, each checked to be what the list is for."""
    buddy = memory.layouts.enums["mm::PageFlags"]["kPageBuddy"]
    pages = area["free_list"][type_].elements("mm::Page", "link", MOST, what)
    for page in pages:
        frame = frame_of(memory, page.address)
        state = (page["order"].value, page["migrate_type"].value, bool(page["flags"].value & buddy), frame % (1 << order))
        if state != (order, type_, True, 0):
            raise Damaged(f"{what}: frame {frame:#x} does not belong on this list")
    if len(pages) != area["nr_free"][type_].value:
        raise Damaged(f"{what}: {len(pages)} blocks are on the list, {area['nr_free'][type_].value} are counted")
    return [frame_of(memory, page.address) for page in pages]


def _processor(memory: Memory, zone: View, cpu: int) -> list[tuple[int, list[int]]]:
    size = memory.layouts.type("mm::PerCpuPages").size
    if zone["pageset"].value == 0:
        return []
    pcp = memory.view("mm::PerCpuPages", zone["pageset"].value + cpu * size)
    what = f"zone {zone['name'].text}, processor {cpu}"
    lists = []
    for type_ in range(len(pcp["lists"])):
        pages = pcp["lists"][type_].elements("mm::Page", "link", MOST, what)
        if pages:
            lists.append((type_, [frame_of(memory, page.address) for page in pages]))
    if sum(len(frames) for _, frames in lists) != pcp["count"].value:
        raise Damaged(f"{what}: the lists do not have the {pcp['count'].value} pages that are counted")
    return lists
