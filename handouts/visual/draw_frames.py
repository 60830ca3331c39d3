"""The physical memory map: every frame of RAM, coloured by its use."""
from . import frames
from .frames import FrameMap
from .memory import PAGE
from .sheet import WIDTH, Sheet, size_text

LEFT, RIGHT, ROW, MOST_ROWS = 70, 12, 3, 256
COLOURS = {frames.PCP: "#2f9e8f", frames.SLAB: "#d1642b", frames.TABLE: "#b8609c", frames.ANON: "#2f7fc1",
           frames.CACHE: "#5a6fd0", frames.KERNEL: "#c0504d", frames.IMAGE: "#6b4b3a", frames.RESERVED: "#8c8c8c"}
FREE_SHADES = ("#2c6e31", "#377a3a", "#438644", "#50934f", "#5e9f5b", "#6dab68", "#7db777", "#8ec387", "#a0cf99",
               "#b4dbac", "#c9e7c2")  # order 0 is darkest


def colour_of(use: str, order: int = -1) -> str:
    return FREE_SHADES[min(order, len(FREE_SHADES) - 1)] if use == frames.FREE else COLOURS[use]


def draw(found: FrameMap, title: str) -> str:
    total = found.total()
    free = found.total(frames.FREE)
    sheet = Sheet(title, f"A map of {total} frames of RAM from the lowest to the highest: {free} are in free blocks, " +
                  ", ".join(f"{found.total(use)} {use}" for use in frames.USES[1:]) + ".")
    sheet.write(12, f"{total} frames of 4 KiB, {size_text(total * PAGE)} of RAM; from left to right, then down", soft=True)
    sheet.y += 20
    sheet.legend(_legend(found))
    _map(sheet, found)
    return sheet.text()


def _legend(found: FrameMap) -> list[tuple[str, str]]:
    by_order = found.free_by_order()
    entries = [(colour_of(use), f"{use}: {found.total(use)}") for use in frames.USES[1:]]
    return entries + [(FREE_SHADES[order], f"free, order {order}: {by_order[order]}") for order in sorted(by_order)]


def _map(sheet: Sheet, found: FrameMap) -> None:
    end = found.ranges[-1][1]
    per_row = 128
    while -(-end // per_row) > MOST_ROWS:
        per_row *= 2
    rows, scale, top = -(-end // per_row), (WIDTH - LEFT - RIGHT) / per_row, sheet.y
    sheet.bar(LEFT, top, WIDTH - LEFT - RIGHT, rows * ROW, "", "no RAM")
    for row in range(0, rows, 32 if rows >= 64 else 8):
        sheet.write(LEFT - 8, size_text(row * per_row * PAGE) if row else "0", y=top + row * ROW + 8, anchor="end", soft=True)
    pieces: dict[tuple[str, int], list[str]] = {}
    for run in found.runs:
        pieces.setdefault((run.use, run.order), []).append(_pieces(run.start, run.end, per_row, scale, top))
    for (use, order), paths in pieces.items():
        words = f"free blocks of order {order}" if use == frames.FREE else use
        sheet.shapes("".join(paths), colour_of(use, order), words)
    sheet.y = top + rows * ROW


def _pieces(start: int, end: int, per_row: int, scale: float, top: float) -> str:
    """The rectangles of a run of frames: its part of the first row, whole rows, its part of the last."""
    path = []
    while start < end:
        row, column = divmod(start, per_row)
        whole = (end - start) // per_row if column == 0 else 0
        count = whole * per_row if whole else min(end - start, per_row - column)
        x, y, width = LEFT + column * scale, top + row * ROW, min(count, per_row) * scale
        path.append(f"M{x:.2f} {y:.0f}h{width:.2f}v{ROW * max(whole, 1)}h-{width:.2f}z")
        start += count
    return "".join(path)
