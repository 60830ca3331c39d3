"""An SVG, filled from top to bottom. It brings its own background, light or dark as the reader's system is; no
colour stands alone, and what is drawn is also told in words, for those who hear it."""
import html

WIDTH = 760
STYLE = """<style>
@media (prefers-color-scheme: dark) { .paper { fill: #1b1e23 } .ink { fill: #dfe3e8 } .soft { fill: #a6adb6 }
.grid { stroke: #3a4048 } .rule { stroke: #a6adb6 } .empty { fill: #2a2f36 } }
</style>"""
MONO = ' font-family="DejaVu Sans Mono, monospace"'


class Sheet:
    """`y` is where the next thing goes."""

    def __init__(self, title: str, description: str):
        self._title, self._description = title, description
        self._parts: list[str] = []
        self.y = 22.0
        self.write(12, title, bold=True, size=13)
        self.y += 20

    def text(self) -> str:
        height = int(self.y + 10)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" role="img" aria-labelledby="title what" '
                f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11">\n'
                f'<title id="title">{html.escape(self._title)}</title>\n'
                f'<desc id="what">{html.escape(self._description)}</desc>\n{STYLE}\n'
                f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6" fill="#fafaf7"/>\n'
                + "\n".join(self._parts) + "\n</svg>\n")

    def write(self, x: float, text: str, *, y: float | None = None, anchor: str = "start", soft: bool = False,
              bold: bool = False, mono: bool = False, size: float = 11, colour: str = "") -> None:
        """One line of text; its baseline is at `y`, or 4 below the sheet's y."""
        look = f'fill="{colour}"' if colour else 'class="soft" fill="#5b6068"' if soft else 'class="ink" fill="#26292e"'
        look += ' font-weight="bold"' if bold else ""
        look += MONO if mono else ""
        look += "" if size == 11 else f' font-size="{size:g}"'
        self._parts.append(f'<text {look} x="{x:.1f}" y="{self.y + 4 if y is None else y:.1f}" text-anchor="{anchor}">'
                           f"{html.escape(text)}</text>")

    def bar(self, x: float, y: float, width: float, height: float, colour: str, tip: str = "", frame: str = "") -> None:
        """A rectangle; `colour` "" is that of what is not there."""
        look = f'fill="{colour}"' if colour else 'class="empty" fill="#e9e9e2"'
        look += f' stroke="{frame}"' if frame else ""
        inside = f"><title>{html.escape(tip)}</title></rect>" if tip else "/>"
        self._parts.append(f'<rect {look} x="{x:.2f}" y="{y:.1f}" width="{width:.2f}" height="{height:.1f}"{inside}')

    def shapes(self, path: str, colour: str, tip: str) -> None:
        """Many rectangles of one colour, as one path."""
        self._parts.append(f'<path fill="{colour}" d="{path}"><title>{html.escape(tip)}</title></path>')

    def line(self, path: str, arrow: bool = False) -> None:
        end = ' marker-end="url(#tip)"' if arrow else ""
        if arrow and not any('id="tip"' in part for part in self._parts):
            self._parts.append('<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
                               'orient="auto"><path class="ink" d="M0 0L8 4L0 8z" fill="#26292e"/></marker></defs>')
        self._parts.append(f'<path class="rule" fill="none" stroke="#5b6068" stroke-width="0.9" d="{path}"{end}/>')

    def legend(self, entries: list[tuple[str, str]], columns: int = 3) -> None:
        """(colour, words), in columns."""
        step = (WIDTH - 24) / columns
        for i, (colour, words) in enumerate(entries):
            x = 12 + i % columns * step
            if i and i % columns == 0:
                self.y += 17
            self.bar(x, self.y - 5, 10, 10, colour)
            self.write(x + 16, words)
        self.y += 22

    def heading(self, text: str) -> None:
        self.y += 8
        self.write(12, text, bold=True)
        self.y += 18


def size_text(bytes_: int) -> str:
    """"512 KiB", "9 MiB"."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if bytes_ >= unit:
            return f"{bytes_ / unit:.4g} {name}"
    return f"{bytes_} B"
