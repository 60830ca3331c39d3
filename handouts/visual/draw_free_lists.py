"""The free lists of the buddy system: for each zone, order and migrate type the blocks, in the order of the list."""
from .free_lists import FreeList, ZoneLists
from .memory import PAGE
from .sheet import WIDTH, Sheet, size_text

COLOURS = ("#c0504d", "#2f7fc1", "#1f9a76", "#b58a0c")
LEFT, BOX, GAP = 204, 54, 10
FIT = int((WIDTH - LEFT - 50) // (BOX + GAP))


def draw(zones: list[ZoneLists], types: list[str], title: str) -> str:
    sheet = Sheet(title, "For each zone the lists of free blocks, by order and migrate type. " + " ".join(
        f"Zone {zone.name} has {zone.free_pages} free frames in {sum(len(one.frames) for one in zone.lists)} blocks."
        for zone in zones))
    sheet.legend([(COLOURS[i % len(COLOURS)], name) for i, name in enumerate(types)], 4)
    sheet.write(12, "Each box is a free block, named by its first frame; the list's head is on the left, where blocks are taken.",
                soft=True)
    sheet.y += 12
    for zone in zones:
        _zone(sheet, zone, types)
    return sheet.text()


def _zone(sheet: Sheet, zone: ZoneLists, types: list[str]) -> None:
    sheet.heading(f"Node {zone.node}, zone {zone.name}: {zone.free_pages} frames free, {size_text(zone.free_pages * PAGE)}, "
                  f"and {zone.pcp_pages} on processors' lists")
    last = -1
    for one in zone.lists:
        if one.order != last:
            sheet.write(12, f"order {one.order}", bold=True)
            sheet.write(70, size_text(PAGE << one.order), soft=True)
        last = one.order
        sheet.write(128, types[one.type][:11], soft=True, size=10)
        _chain(sheet, one, PAGE << one.order)
    for cpu, lists in enumerate(zone.processors):
        for type_, frames in lists:
            sheet.write(12, f"CPU {cpu}", bold=True)
            sheet.write(70, "single", soft=True)
            sheet.write(128, types[type_][:11], soft=True, size=10)
            _chain(sheet, FreeList(0, type_, frames), PAGE)


def _chain(sheet: Sheet, one: FreeList, bytes_: int) -> None:
    for i, frame in enumerate(one.frames[:FIT]):
        x = LEFT + i * (BOX + GAP)
        sheet.line(f"M{x - GAP} {sheet.y:.1f}H{x:.1f}", arrow=True)
        sheet.bar(x, sheet.y - 7, BOX, 14, COLOURS[one.type % len(COLOURS)],
                  f"frames {frame:#x} to {frame + (1 << one.order) - 1:#x}, {size_text(bytes_)}")
        sheet.write(x + BOX / 2, f"{frame:#x}", anchor="middle", size=10, colour="#ffffff")
    if len(one.frames) > FIT:
        sheet.write(LEFT + FIT * (BOX + GAP) - 4, f"+ {len(one.frames) - FIT}", soft=True)
    sheet.y += 19
