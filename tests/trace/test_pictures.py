"""The pictures of the chapter "CFS by pictures": that they can be drawn again, the same each time, and look right."""
import re
import sys
import xml.etree.ElementTree as tree

import pytest

from traced import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "handouts"))

from pictures.history import History  # noqa: E402 (needs the path above)
from pictures.stage import play  # noqa: E402
from trace_pictures import SCENES, draw  # noqa: E402

CHAPTER = (REPOSITORY / "handouts/kernel/cfs_pictures.md").read_text()
SVG = "{http://www.w3.org/2000/svg}"
COMMITTED = sorted((REPOSITORY / "handouts/_static/cfs").glob("*.svg"))


@pytest.fixture(scope="module")
def equal():
    return History(SCENES["equal"], play(SCENES["equal"]).records())


def test_the_same_kernel_gives_the_same_picture(equal):
    again = History(SCENES["equal"], play(SCENES["equal"]).records())
    assert draw(again) == draw(equal)


def test_three_equal_tasks_have_a_third_each(equal):
    for name in "ABC":
        assert equal.total(name) == pytest.approx(20, abs=4)
        last = equal.charges_of(name)[-1]
        assert last.after == pytest.approx(equal.total(name), abs=0.1), "nice 0: virtual time is time"


def test_bars_of_a_processor_never_overlap(equal):
    runs = sorted(equal.runs, key=lambda run: run.start)
    assert all(a.end <= b.start + 1e-9 for a, b in zip(runs, runs[1:]))


def test_four_processors_are_as_repeatable_and_share_the_work():
    first, second = (play(SCENES["balance"]) for _ in range(2))
    assert first.raw == second.raw
    history = History(SCENES["balance"], first.records())
    assert {move.origin for move in history.moves if move.name in "ABCD"} == {0}
    assert len({run.cpu for run in history.runs if run.name in "ABCD"}) > 1


def test_the_chapter_shows_each_picture():
    shown = re.findall(r"\{figure\} \.\./_static/cfs/(\w+)\.svg", CHAPTER)
    assert shown == list(SCENES) and sorted(shown) == [path.stem for path in COMMITTED]
    assert len(re.findall(r"^alt: ", CHAPTER, re.MULTILINE)) == len(shown)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_picture_is_told_in_words_and_stays_within_its_frame(path):
    root = tree.parse(path).getroot()
    assert root.find(f"{SVG}title").text and len(root.find(f"{SVG}desc").text) > 100
    width, height = float(root.get("width")), float(root.get("height"))
    for text in root.iter(f"{SVG}text"):
        long = 7.5 * len(text.text)
        left = float(text.get("x")) - {"middle": long / 2, "end": long}.get(text.get("text-anchor"), 0)
        assert left >= 0 and left + long <= width and 8 <= float(text.get("y")) <= height - 4, text.text
    for bar in root.iter(f"{SVG}rect"):
        assert float(bar.get("x", 0)) + float(bar.get("width")) <= width
