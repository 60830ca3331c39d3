"""Draws a History as SVG: strips of who runs when, and curves of virtual time over the same axis.

A picture brings its own background, light or dark as the reader's system is, so that it can be read
on any page; colours never stand alone, names do. Screen readers get a title and a description.
"""
import html

from .history import History

WIDTH, LEFT, RIGHT = 760, 62, 34
ROW, GAP = 20, 8
COLOURS = ("#2f7fc1", "#d1642b", "#1f9a76", "#b8609c", "#b58a0c", "#5a6fd0", "#8a8f3a", "#c0504d")
OTHERS = "#8c8c8c"
STYLE = """<style>
@media (prefers-color-scheme: dark) { .paper { fill: #1b1e23 } .ink { fill: #dfe3e8 } .soft { fill: #a6adb6 }
.grid { stroke: #3a4048 } .rule { stroke: #a6adb6 } .on { fill: #ffffff } }
</style>"""


class Picture:
    """One SVG, built from top to bottom."""

    def __init__(self, history: History, description: str):
        self._history, self._title, self._description = history, history.scene.title, description
        names = history.scene.names
        self._colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
        self._parts: list[str] = []
        self._y = 14.0

    def text(self) -> str:
        height = int(self._y + 8)
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" role="img" aria-labelledby="title what" '
                f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">\n'
                f'<title id="title">{html.escape(self._title)}</title>\n'
                f'<desc id="what">{html.escape(self._description)}</desc>\n{STYLE}\n'
                f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6" fill="#fafaf7"/>\n')
        return head + "\n".join(self._parts) + "\n</svg>\n"

    def strips_by_task(self) -> None:
        """A row for each actor, and one for all else: running is a bar, waiting a line."""
        names = self._history.scene.names
        top = self._y
        rows = [*names] + (["others"] if sum(run.length for run in self._others()) > 0.3 else [])
        self._grid(top, top + len(rows) * (ROW + GAP))
        for name in rows:
            self._label(name, self._y + ROW / 2)
            for wait in self._history.waits:
                if wait.name == name:
                    self._bar(wait.start, wait.end, self._y + ROW / 2 - 1.5, 3, self._colour[name], 0.55)
            for run in self._others() if name == "others" else self._history.of(name):
                self._bar(run.start, run.end, self._y, ROW, self._colour.get(run.name, OTHERS))
            for at, who in self._history.wakeups:
                if who == name and at > 0.05:  # not those of the beginning
                    self._wake_mark(at, self._y)
            self._y += ROW + GAP
        self._axis()

    def strips_by_cpu(self) -> None:
        """A row for each processor; arrows for tasks that change it."""
        top, cpus = self._y, self._history.scene.cpus
        self._grid(top, top + cpus * (ROW + 3 * GAP))
        middle = [top + cpu * (ROW + 3 * GAP) + ROW / 2 for cpu in range(cpus)]
        for cpu in range(cpus):
            self._label(f"CPU {cpu}", middle[cpu])
            for run in self._history.runs:
                if run.cpu == cpu:
                    self._bar(run.start, run.end, middle[cpu] - ROW / 2, ROW, self._colour.get(run.name, OTHERS))
                    self._name_in(run, middle[cpu])
        last = -100.0
        for move in self._history.moves:
            if move.name in self._colour:
                last = max(self._x(move.at), last + 7)  # two at once stand side by side
                self._arrow(last, move, middle)
        self._y = top + cpus * (ROW + 3 * GAP)
        self._axis()

    def curves(self, height: int = 150) -> None:
        """Virtual time of each actor: thick while it runs, thin and level while it does not."""
        top, bottom = self._y + 6, self._y + 6 + height
        most = max(charge.after for charge in self._history.charges)
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if most / s <= 6)

        def level(virtual: float) -> float:
            return bottom - virtual / most * height

        self._grid(top, bottom)
        for tick in range(0, int(most) + 1, step):
            y = level(tick)
            self._parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                               'stroke="#d9d9d2"/>')
            self._write(LEFT - 8, y + 4, str(tick), anchor="end", soft=True)
        self._write(LEFT - 8, top - 8, "vruntime, ms", anchor="start", soft=True, x=8)
        ends = []
        for name in self._history.scene.names:
            last = self._curve(name, level)
            if last is not None:
                ends.append((last, name))
        self._end_labels(ends)
        self._y = bottom + GAP
        self._axis()

    def gap(self, height: float = 22) -> None:
        self._y += height

    def _others(self) -> list:
        return [run for run in self._history.runs if run.name not in self._colour]

    def _x(self, at: float) -> float:
        return LEFT + at / self._history.end * (WIDTH - LEFT - RIGHT)

    def _bar(self, start: float, end: float, y: float, height: float, colour: str, opacity: float = 1) -> None:
        x, width = self._x(start), max(self._x(end) - self._x(start), 0.6)
        faint = f' fill-opacity="{opacity}"' if opacity < 1 else ""
        self._parts.append(f'<rect x="{x:.2f}" y="{y:.1f}" width="{width:.2f}" height="{height}" fill="{colour}"{faint}/>')

    def _name_in(self, run, middle: float) -> None:
        if self._x(run.end) - self._x(run.start) < 8 * len(run.name) + 2 or run.name not in self._colour:
            return
        x = (self._x(run.start) + self._x(run.end)) / 2
        self._parts.append(f'<text class="on" x="{x:.1f}" y="{middle + 4:.1f}" text-anchor="middle" font-size="11" '
                           f'fill="#ffffff">{html.escape(run.name)}</text>')

    def _wake_mark(self, at: float, y: float) -> None:
        x = self._x(at)
        self._parts.append(f'<path class="ink" d="M{x - 3.5:.1f} {y - 6:.1f}h7l-3.5 6z" fill="#26292e"/>')

    def _arrow(self, x: float, move, middle: list[float]) -> None:
        down = 1 if move.to > move.origin else -1
        start, end = middle[move.origin] + down * ROW / 2, middle[move.to] - down * (ROW / 2 + 1)
        self._parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{start:.1f}" y2="{end - down * 5:.1f}" '
                           'stroke="#26292e" stroke-width="1.4"/>')
        self._parts.append(f'<path class="ink" d="M{x - 3.5:.1f} {end - down * 6:.1f}h7l-3.5 {6 * down}z" fill="#26292e"/>')

    def _curve(self, name: str, level) -> float | None:
        points, thick, last = [], [], None
        for charge in self._history.charges_of(name):
            a = (self._x(max(charge.start, 0)), level(charge.before))
            b = (self._x(charge.end), level(charge.after))
            if last and abs(last.after - charge.before) > 0.01:  # it was put elsewhere meanwhile
                x = self._x(self._history.placed_at(name, last.end, charge.start))
                points += [(x, level(last.after)), (x, level(charge.before))]
            points += [a, b]
            thick.append(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}")
            last = charge
        if not points:
            return None
        points.append((self._x(self._history.end), points[-1][1]))
        colour = self._colour[name]
        thin = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self._parts.append(f'<path d="{thin}" fill="none" stroke="{colour}" stroke-width="1" stroke-dasharray="3 2"/>')
        self._parts.append(f'<path d="{"".join(thick)}" fill="none" stroke="{colour}" stroke-width="2.6"/>')
        return points[-1][1]

    def _end_labels(self, ends: list[tuple[float, str]]) -> None:
        """Names at the right ends of the curves, moved apart where they would meet."""
        last = -100.0
        for y, name in sorted(ends):
            last = max(y, last + 13)
            self._parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{last + 4:.1f}" font-weight="bold" '
                               f'fill="{self._colour[name]}">{html.escape(name)}</text>')

    def _label(self, text: str, middle: float) -> None:
        colour = self._colour.get(text)
        look = f'font-weight="bold" fill="{colour}"' if colour else 'class="soft" fill="#5b6068"'
        self._parts.append(f'<text {look} x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{html.escape(text)}</text>')

    def _write(self, at: float, y: float, text: str, anchor: str, soft: bool = False, x: float | None = None) -> None:
        look = 'class="soft" fill="#5b6068"' if soft else 'class="ink" fill="#26292e"'
        self._parts.append(f'<text {look} x="{at if x is None else x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                           f'font-size="11">{html.escape(text)}</text>')

    def _ticks(self) -> range:
        step = next(s for s in (1, 2, 5, 10, 20, 50) if self._history.end / s <= 12)
        return range(0, int(self._history.end) + 1, step)

    def _grid(self, top: float, bottom: float) -> None:
        for tick in self._ticks():
            x = self._x(tick)
            self._parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4:.1f}" y2="{bottom:.1f}" '
                               'stroke="#d9d9d2"/>')

    def _axis(self) -> None:
        self._y += 8
        for tick in self._ticks():
            self._write(self._x(tick), self._y, f"{tick} ms" if tick == self._ticks()[-1] else str(tick), "middle", soft=True)
        self._y += 4
