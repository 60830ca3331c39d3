"""The chapter on locking follows the enumeration, and the check of it can fail."""

from __future__ import annotations

import pathlib
import sys

import pytest

HANDOUTS = pathlib.Path(__file__).resolve().parents[2] / "handouts"
sys.path.insert(0, str(HANDOUTS))
import ranks  # noqa: E402

TWO = "enum class LockRank : unsigned char {\n    A,  // first\n    B,  // second\n};\n"
LONG = "One paragraph that says why this lock stands where it stands.\n"


def chapter(*names: str) -> str:
    return f"{ranks.MARK}\n" + "".join(f"### {name}\n\n{LONG}\n" for name in names)


def test_chapter_of_the_book_is_complete():
    text = (HANDOUTS / "kernel/locking.md").read_text()
    entries = ranks.ranks(ranks.RANK_H.read_text())
    assert len(entries) >= 30
    filled = ranks.fill(text)
    assert all(f"[{name}](#{name.lower()})" in filled for name, _ in entries)


@pytest.mark.parametrize(
    "text, complaint",
    [
        (chapter("A"), "no paragraph for B"),
        (chapter("A", "B", "C"), "no such rank: C"),
        (chapter("B", "A"), "another order than rank.h, from A on"),
        (chapter("A", "B").replace(LONG, "", 1), "A has no paragraph"),
    ],
)
def test_disagreement_is_named(text, complaint):
    with pytest.raises(ranks.Disagreement, match=complaint):
        ranks.check(text, ranks.ranks(TWO))


def test_rank_without_reason_is_named():
    with pytest.raises(ranks.Disagreement, match="no reason given for B"):
        ranks.ranks(TWO.replace("// second", ""))
