#!/usr/bin/python3
"""Plays scenes for the scheduler on the built kernel, and draws what the kernel recorded.

    trace_pictures.py [--output handouts/_static/cfs] [SCENE ...]

The pictures are those of handouts/kernel/cfs_pictures.md. Runs again with `make pictures`; the same
kernel gives the same files. It prints the numbers of each; the chapter's text cites them and has to be
changed with them.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from pictures.draw import Picture  # noqa: E402 (needs the path above)
from pictures.facts import facts  # noqa: E402
from pictures.history import History  # noqa: E402
from pictures.stage import Scene, play  # noqa: E402

SCENES = {
    "equal": Scene("Three equal spinners on one processor", ("A", "B", "C"), 60),
    "weights": Scene("Nice 0 against nice 5 on one processor", ("A", "B:nice=5"), 120),
    "sleeper": Scene("A sleeper among two spinners", ("A", "B", "S:run=1,sleep=12"), 60),
    "fork": Scene("A spinner, and one that forks", ("A", "P:run=8,fork"), 60),
    "fifo": Scene("A FIFO task over two fair ones", ("A", "B", "F:fifo=10,run=5,sleep=10"), 60),
    "balance": Scene("Seven spinners on four processors",
                     ("free=20", "A:cpus=1", "B:cpus=1", "C:cpus=1", "D:cpus=1", "E:cpus=2,nice=-5,until=20", "F:cpus=4",
                      "G:cpus=8"), 120, 4),
}


def draw(history):
    """The picture: with one processor a row for each task and the virtual times; else a row for each processor."""
    picture = Picture(history, facts(history))
    if history.scene.cpus > 1:
        picture.strips_by_cpu()
    else:
        picture.strips_by_task()
        picture.gap()
        picture.curves()
    return picture.text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "_static/cfs")
    parser.add_argument("names", nargs="*", metavar="SCENE")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or SCENES:
        history = History(SCENES[name], play(SCENES[name]).records())
        (options.output / f"{name}.svg").write_text(draw(history), encoding="utf-8")
        print(f"{name}: {facts(history)}")


if __name__ == "__main__":
    main()
