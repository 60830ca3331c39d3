"""A process's address space: its areas and what of them is there; and the page tables that say so."""
from . import tables
from .memory import PAGE
from .sheet import Sheet, size_text
from .tables import Area, Leaf, Table

STRIP, STRIP_LEFT = 512, 200  # a pixel for each entry of a table
MOST_TABLES, MOST_RUNS, MOST_AREAS = 40, 6, 60
CHILD, KERNEL = "#8c8c8c", "#6b4b3a"
HUGE, EXECUTE, WRITE, READ = "#b58a0c", "#d1642b", "#2f7fc1", "#1f9a76"


def draw(areas: list[Area], root: Table, pages: dict[int, int], title: str, loaded_by: list[int]) -> str:
    everything = root.all()
    huge = sum(leaf.count for table in everything if table.level > 1 for leaf in table.leaves)
    sheet = Sheet(title, f"{len(areas)} areas, of which {len(pages)} pages are mapped, by {len(everything)} page tables in four "
                  f"levels with {huge} huge entries. Below the areas each table is a strip of its 512 entries.")
    where = f"loaded by processor {', '.join(map(str, loaded_by))}" if loaded_by else "loaded by no processor now"
    sheet.write(12, f"{len(areas)} areas, {len(pages)} pages mapped, {len(everything)} page tables, {huge} huge entries; "
                f"CR3 {root.frame * PAGE:#x}, {where}", soft=True)
    sheet.y += 22
    _areas(sheet, areas, pages)
    _tables(sheet, root)
    return sheet.text()


def _areas(sheet: Sheet, areas: list[Area], pages: dict[int, int]) -> None:
    sheet.heading("Areas (/proc/<pid>/maps); the bar shows which pages are mapped")
    for area in areas[:MOST_AREAS]:
        first, count = area.start // PAGE, (area.end - area.start) // PAGE
        there = [page - first for page in range(first, first + count) if page in pages]
        name = area.name.rpartition("/")[2] or "anonymous"
        sheet.write(12, f"{area.start:x}", mono=True, size=10)
        sheet.write(104, area.rights, mono=True, size=10)
        sheet.write(140, name[:16])
        sheet.bar(250, sheet.y - 5, 260, 10, "", f"{area.start:#x} to {area.end:#x}")
        for start, end in _runs(there):
            sheet.bar(250 + 260 * start / count, sheet.y - 5, max(260 * (end - start) / count, 0.5), 10, _area_colour(area))
        sheet.write(520, f"{size_text(area.end - area.start)}, {len(there)} of {count} pages", soft=True)
        sheet.y += 15
    _rest(sheet, len(areas) - MOST_AREAS, "areas")


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _area_colour(area: Area) -> str:
    return EXECUTE if "x" in area.rights else WRITE if "w" in area.rights else READ


def _tables(sheet: Sheet, root: Table) -> None:
    sheet.heading("Page tables: from the top, each a strip of 512 entries, a line down from the entry that leads to it")
    sheet.legend([(CHILD, "leads to a table"), (READ, "page, read only"), (WRITE, "page, writable"), (EXECUTE, "page, executable"),
                  (HUGE, "huge entry: no table below"), (KERNEL, "the kernel's half, the same for all")])
    sheet.write(12, "U user, W writable, X executable, A accessed, D dirty, G global; the frame is that of the first", soft=True)
    sheet.y += 20
    shown = root.all()[:MOST_TABLES]
    places: dict[int, float] = {}
    for table in shown:
        parent = next((up for up in shown if any(child is table for child in up.children.values())), None)
        if parent:
            _connect(sheet, parent, table, places[parent.frame])
        places[table.frame] = sheet.y + 6
        _table(sheet, table)
    _rest(sheet, len(root.all()) - MOST_TABLES, "tables")


def _connect(sheet: Sheet, parent: Table, table: Table, parent_bottom: float) -> None:
    index = next(index for index, child in parent.children.items() if child is table)
    x = STRIP_LEFT + index + 0.5
    sheet.line(f"M{x:.1f} {parent_bottom:.1f}V{sheet.y - 8:.1f}", arrow=True)


def _table(sheet: Sheet, table: Table) -> None:
    indent = 12 + 10 * (4 - table.level)
    sheet.write(indent, f"level {table.level}, frame {table.frame:#x}", size=10)
    sheet.bar(STRIP_LEFT, sheet.y - 6, STRIP, 12, "", f"translates addresses from {table.address:#x}")
    for index in table.children:
        sheet.bar(STRIP_LEFT + index, sheet.y - 6, 1, 12, CHILD, f"entry {index}")
    for index in table.kernel:
        sheet.bar(STRIP_LEFT + index, sheet.y - 6, 1, 12, KERNEL, f"entry {index}, the kernel's")
    for leaf in table.leaves:
        sheet.bar(STRIP_LEFT + leaf.index, sheet.y - 6, leaf.count, 12, _leaf_colour(table, leaf), _leaf_text(table, leaf))
    sheet.y += 19
    for leaf in table.leaves[:MOST_RUNS]:
        sheet.write(STRIP_LEFT, _leaf_text(table, leaf), mono=True, size=9, soft=True)
        sheet.y += 13
    _rest(sheet, len(table.leaves) - MOST_RUNS, "runs of entries", STRIP_LEFT)
    sheet.y += 8


def _leaf_colour(table: Table, leaf: Leaf) -> str:
    if table.level > 1:
        return HUGE
    if not leaf.flags & tables.NX:
        return EXECUTE
    return WRITE if leaf.flags & tables.WRITE else READ


def _leaf_text(table: Table, leaf: Leaf) -> str:
    what = "entry" if leaf.count == 1 else "entries"
    size = size_text(leaf.count * PAGE << 9 * (table.level - 1))
    last = f"-{leaf.end - 1}" if leaf.count > 1 else ""
    frames = f"{leaf.frame:#x}" + ("" if leaf.contiguous else " …")
    return f"{what} {leaf.index}{last}: {leaf.address:x}, {size}, {tables.flags_text(leaf.flags)}, frame {frames}"


def _rest(sheet: Sheet, count: int, what: str, x: float = 12) -> None:
    if count > 0:
        sheet.write(x, f"… and {count} more {what}", soft=True)
        sheet.y += 15
