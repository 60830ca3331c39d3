"""What a person sees while and after grading: bar and colours on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_STYLE = {"passed": "green", "failed": "red", "skipped": "yellow", "fault": "magenta"}
_WORD = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP", "fault": "FAULT"}


def _points(result: dict) -> str:
    return f"{result['score']:g}/{result['max_score']:g}"


def _title(result: dict) -> str:
    return f"{result['name']} [{result['emulator']}]" if result["emulator"] else result["name"]


class Reporter:
    """begin, show once per test, end."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._fancy = self._stream.isatty()
        self._console = Console(file=self._stream, highlight=False)
        self._progress: Progress | None = None
        self._task = None
        self._begun = False

    def begin(self, count: int, seed: str) -> None:
        """Called by every worker under xdist; the first call counts."""
        if self._begun:
            return
        self._begun = True
        self._line(f"{count} tests, seed {seed}")
        if self._fancy:
            columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._task = self._progress.add_task("", total=count)
            self._progress.start()

    def show(self, result: dict) -> None:
        """One finished test."""
        status = result["status"]
        text = f"{_WORD[status]:5} {_points(result):>7}  {_title(result)}  {result['seconds']:.2f} s"
        if result["value"] is not None:
            text += f"  {result['metric']}: {result['value']:.12g}"
        if self._fancy:
            self._console.print(f"[{_STYLE[status]}]{escape(text)}[/]")
            self._progress.update(self._task, advance=1, description=escape(_title(result)))
        else:
            self._line(text)

    def end(self, results: list[dict], problems: list[str]) -> None:
        """The failures in full, then the table."""
        if self._progress:
            self._progress.stop()
        for problem in problems:
            self._line(f"PROBLEM in the tests themselves:\n{problem}")
        for result in results:
            if result["status"] != "passed":
                self._line(f"\n{_WORD[result['status']]} {_title(result)}\n{result['output']}")
        if self._fancy:
            self._table(results)

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _table(self, results: list[dict]) -> None:
        table = Table(show_edge=False, pad_edge=False)
        for name in ("test", "emulator", "task", "points", ""):
            table.add_column(name, justify="right" if name == "points" else "left")
        for result in sorted(results, key=lambda r: (r["task"], r["name"], r["emulator"])):
            style = _STYLE[result["status"]]
            cells = (result["name"], result["emulator"], result["task"], _points(result), _WORD[result["status"]])
            table.add_row(*map(escape, cells), style=style)
        self._console.print(table)
