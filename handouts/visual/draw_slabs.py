"""A slab cache: its slabs by who holds them; objects used and free, and the chain that joins the free ones."""
from .memory import PAGE
from .sheet import WIDTH, Sheet, size_text
from .slabs import Cache, Slab

USED, FREE, NEXT = "#d1642b", "#8ec387", "#2f7fc1"
MOST_DETAILS, MOST_SMALL = 6, 200
LEFT, CELL = 40, 22  # a row of objects is CELL wide each


def draw(cache: Cache, title: str) -> str:
    sheet = Sheet(title, f"Cache {cache.name}: {len(cache.slabs)} slabs with {cache.objects} objects of {cache.slot_size} bytes, "
                  f"of which {cache.in_use} are in use. Each slab is a grid of its objects; arrows follow the free list.")
    lines = [f"{cache.in_use} of {cache.objects} objects in use, in {len(cache.slabs)} slabs; an object has {cache.object_size} "
             f"bytes, its slot {cache.slot_size}"]
    if cache.aliases:
        lines.append(f"the same slabs serve {', '.join(cache.aliases)}"[:110])
    if cache.hardened:
        lines.append("hardened: the pointers of the free list are encoded; here they are decoded")
    for line in lines:
        sheet.write(12, line, soft=True)
        sheet.y += 17
    sheet.y += 4
    sheet.legend([(USED, "in use"), (NEXT, "on the processor's free list"), (FREE, "on the slab's own free list")])
    held = [slab for slab in cache.slabs if slab.holder != "full"]
    for slab in held[:MOST_DETAILS]:
        _slab(sheet, slab)
    _small(sheet, held[MOST_DETAILS:], "more that are held")
    _small(sheet, [slab for slab in cache.slabs if slab.holder == "full"], "full slabs; the frame is below each")
    return sheet.text()


def _slab(sheet: Sheet, slab: Slab) -> None:
    sheet.heading(f"{slab.holder}: slab of {size_text(PAGE << slab.order)} at frame {slab.frame:#x}")
    free = len(slab.chain) + len(slab.cpu_chain)
    sheet.write(12, f"counters: inuse {slab.inuse}, objects {slab.objects}, frozen {int(slab.frozen)}; the slab's own list has "
                f"{len(slab.chain)}, the processor's {len(slab.cpu_chain)}, {slab.objects - free} are in use", soft=True)
    sheet.y += 24
    columns = min(slab.objects, 32)
    top = sheet.y
    for index in range(slab.objects):
        x, y = _place(index, columns, top)
        colour = NEXT if index in slab.cpu_chain else FREE if index in slab.chain else USED
        sheet.bar(x, y, CELL - 3, CELL - 7, colour, f"object {index}")
        if slab.objects <= 128:
            ink = "#1b1e23" if colour == FREE else "#ffffff"
            sheet.write(x + (CELL - 3) / 2, str(index), y=y + 11, anchor="middle", size=9, colour=ink)
    for chain in (slab.cpu_chain, slab.chain):
        for here, there in zip(chain, chain[1:]):
            sheet.line(_arrow(_place(here, columns, top), _place(there, columns, top)), arrow=True)
    sheet.y = top + -(-slab.objects // columns) * CELL + 10
    for name, chain in (("processor", slab.cpu_chain), ("slab", slab.chain)):
        if chain:
            text = " → ".join(map(str, chain))
            sheet.write(LEFT, f"{name}'s list: {text if len(text) < 88 else text[:text.rfind(' →', 0, 88)] + ' → …'}", size=10)
            sheet.y += 15


def _place(index: int, columns: int, top: float) -> tuple[float, float]:
    row, column = divmod(index, columns)
    return LEFT + column * (WIDTH - LEFT - 16) / max(columns, 30), top + row * CELL


def _arrow(here: tuple[float, float], there: tuple[float, float]) -> str:
    """From below one object to below another; a bow, if they are in one row."""
    x, y = here[0] + (CELL - 3) / 2, here[1] + CELL - 8
    to_x, to_y = there[0] + (CELL - 3) / 2, there[1] + CELL - 8
    if here[1] == there[1]:
        deep = y + min(5 + abs(to_x - x) / 12, 26)
        return f"M{x:.1f} {y:.1f}Q{(x + to_x) / 2:.1f} {deep:.1f} {to_x:.1f} {to_y + 1:.1f}"
    return f"M{x:.1f} {y:.1f}L{to_x:.1f} {there[1] if there[1] > here[1] else to_y:.1f}"


def _small(sheet: Sheet, slabs: list[Slab], what: str) -> None:
    """Many slabs as one bar each."""
    if not slabs:
        return
    sheet.heading(f"{len(slabs)} {what}")
    columns = 10
    for i, slab in enumerate(slabs[:MOST_SMALL]):
        x = 12 + i % columns * (WIDTH - 24) / columns
        if i and i % columns == 0:
            sheet.y += 28
        sheet.bar(x, sheet.y - 6, 64, 10, FREE, f"{slab.holder}: {len(slab.used)} of {slab.objects} in use")
        sheet.bar(x, sheet.y - 6, 64 * len(slab.used) / slab.objects, 10, USED)
        sheet.write(x, f"{slab.frame:#x}", y=sheet.y + 14, soft=True, size=9)
    sheet.y += 28
    if len(slabs) > MOST_SMALL:
        sheet.write(12, f"… and {len(slabs) - MOST_SMALL} more", soft=True)
        sheet.y += 15
