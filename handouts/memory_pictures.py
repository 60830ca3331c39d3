#!/usr/bin/python3
"""Draws the pictures of the kernel book's chapters on memory, from real kernels (handouts/visual).

    memory_pictures.py [--output handouts/_static/memory]

Addresses are random and processors take turns, so each run gives other pictures; it prints the numbers that the
chapters cite, which have to be changed with them.
"""
import argparse
import dataclasses
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "grader")]

from visual.guest import Guest  # noqa: E402 (needs the path above)
from visual.pictures import look, pictures  # noqa: E402

BUILD = HERE.parent / "build"
HUGE = "/sys/kernel/mm/transparent_hugepage/enabled"


@dataclasses.dataclass(frozen=True)
class Scene:
    """A command, and which pictures of it are taken: file by kind of picture."""

    command: str
    takes: dict[str, str]
    cpus: int = 1
    parent: bool = False  # draw the shell itself, not what it started
    cache: str = "vm_area_struct"


SCENES = (
    Scene(f"echo never >{HUGE}; exec /sbin/load touch 9 /tmp/ready", {"space": "small"}),
    Scene(f"echo always >{HUGE}; exec /sbin/load touch 9 /tmp/ready", {"space": "huge"}),
    Scene("(sleep 1000; true); true", {"space": "forked"}, parent=True),
    Scene('for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & all="$all $!"; done; sleep 0.2; set -- $all; kill $1 $3 $4 $8; '
          "sleep 0.2; exec /sbin/load touch 9 /tmp/ready",
          {"memory": "frames", "free_lists": "free_lists", "slab": "slab"}, cpus=2, parent=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "_static/memory")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        with Guest(BUILD / "kernel/vitrine.img.elf", BUILD / "kernel/vitrine.elf", BUILD / "initramfs.cpio", scene.cpus) as guest:
            drawn = pictures(look(guest, guest.start(scene.command, deepest=not scene.parent), scene.cache))
        for kind, name in scene.takes.items():
            (options.output / f"{name}.svg").write_text(drawn[kind][1], encoding="utf-8")
            print(f"{name}: {re.search('<desc.*?>(.*?)</desc>', drawn[kind][1])[1]}")


if __name__ == "__main__":
    main()
