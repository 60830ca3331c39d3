"""The table of lock ranks in kernel/locking.md, made from src/core/lock/rank.h.

The chapter has a paragraph for each rank under a heading of its name, in the order of the
enumeration. Anything else (a rank without paragraph, a paragraph without rank, another order) is
an error: then the chapter and the kernel disagree.
"""

from __future__ import annotations

import pathlib
import re

RANK_H = pathlib.Path(__file__).resolve().parents[1] / "src/core/lock/rank.h"
MARK = "<!-- ranks -->"
_ENTRY = re.compile(r"^\s+(\w+),\s*//\s*(.+?)\s*$", re.MULTILINE)
_HEADING = re.compile(r"^### (\w+)$", re.MULTILINE)


class Disagreement(Exception):
    """The chapter does not fit the enumeration; the text says where."""


def ranks(text: str) -> list[tuple[str, str]]:
    """Names and comments of the entries, outermost first."""
    body = text[text.index("enum class LockRank") :]
    body = body[: body.index("};")]
    found = _ENTRY.findall(body)
    names = re.findall(r"^\s+(\w+),", body, re.MULTILINE)
    if silent := set(names) - {name for name, _ in found}:
        raise Disagreement(f"rank.h: no reason given for {', '.join(sorted(silent))}")
    return found


def table(entries: list[tuple[str, str]]) -> str:
    """Markdown: each rank, its reason, a link to its paragraph."""
    rows = [f"| {number} | [{name}](#{name.lower()}) | {reason} |" for number, (name, reason) in enumerate(entries, 1)]
    return "\n".join(["| | rank | guards |", "| --- | --- | --- |", *rows])


def check(chapter: str, entries: list[tuple[str, str]]) -> None:
    """Raises Disagreement unless the paragraphs are those of the enumeration, in its order."""
    wanted, written = [name for name, _ in entries], _HEADING.findall(chapter)
    if missing := [name for name in wanted if name not in written]:
        raise Disagreement(f"kernel/locking.md: no paragraph for {', '.join(missing)}")
    if extra := [name for name in written if name not in wanted]:
        raise Disagreement(f"kernel/locking.md: no such rank: {', '.join(extra)}")
    for name, body in zip(written, _HEADING.split(chapter)[2::2]):
        if len(body.split()) < 8:
            raise Disagreement(f"kernel/locking.md: {name} has no paragraph")
    if wanted != written:
        first = next(name for name, other in zip(wanted, written) if name != other)
        raise Disagreement(f"kernel/locking.md: paragraphs in another order than rank.h, from {first} on")


def fill(chapter: str) -> str:
    """The chapter with its table."""
    entries = ranks(RANK_H.read_text(encoding="utf-8"))
    check(chapter, entries)
    if MARK not in chapter:
        raise Disagreement(f"kernel/locking.md: no place for the table ({MARK})")
    return chapter.replace(MARK, table(entries))
