"""Plays a scene (userland/actors) on QEMU and brings back the kernel's records of it.

Nothing from outside reaches the guest and its clock counts instructions, so the same kernel and the
same scene give the same records, to the nanosecond.
"""
import dataclasses
import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader")]

from vitrine_grader.machine import SECOND, Config, Exit  # noqa: E402 (needs the path above)
from vitrine_grader.qemu import Qemu  # noqa: E402
from vitrine_grader.trace.capture import Capture  # noqa: E402
from vitrine_grader.trace.records import parse_format  # noqa: E402

BUILD = REPOSITORY / "build"


@dataclasses.dataclass(frozen=True)
class Scene:
    """Who plays, on how many processors, for how many ms."""

    title: str
    actors: tuple[str, ...]
    ms: int
    cpus: int = 1

    @property
    def names(self) -> list[str]:
        """Of the actors; a child's is its parent's with a prime."""
        found = []
        for actor in self.actors:
            name, _, options = actor.partition(":")
            if "=" not in name:
                found += [name] + ([name + "'"] if "fork" in options.split(",") else [])
        return found

    def nice(self, name: str) -> int:
        options = next(a.partition(":")[2] for a in self.actors if a.partition(":")[0] == name.rstrip("'"))
        return int((re.search(r"nice=(-?\d+)", options) or [0, 0])[1])


def _files(text: str) -> dict[str, bytes]:
    """What print.c wrote: contents by path."""
    whole = text.partition("== events/")
    pieces = re.split(r"^== (\S+)$", (whole[1] + whole[2]), flags=re.MULTILINE)[1:]
    if not pieces or pieces[-2] != "end":
        raise SystemExit(f"the scene was not played to its end; the console says:\n{text[-2000:]}")
    return {path: bytes.fromhex("".join(body.split())) for path, body in zip(pieces[:-2:2], pieces[1:-2:2])}


def play(scene: Scene) -> Capture:
    """The records of the scene."""
    words = ["console=ttyS0", "quiet", "trace_buf_size=1M", "rdinit=/sbin/actors", "--", str(scene.ms), *scene.actors]
    config = Config(kernel=BUILD / "kernel/vitrine.img.elf", initrd=BUILD / "initramfs.cpio", board="pc", mem=256,
                    smp=scene.cpus, cmdline=" ".join(words))
    with Qemu(config) as machine:
        ended = machine.wait_exit(600 * SECOND)
        text = machine.console.text
    if ended is not Exit.SHUTDOWN:
        raise SystemExit(f"the guest {ended.value}; the console says:\n{text[-2000:]}")
    files = _files(text)
    events, raw, lost = {}, {}, {}
    for path, body in files.items():
        if path.startswith("events/"):
            event = parse_format(path.split("/")[1], body.decode())
            events[event.id] = event
        elif path.endswith("/trace_pipe_raw"):
            raw[int(re.search(r"cpu(\d+)", path)[1])] = body
        elif path.endswith("/stats"):
            lost[int(re.search(r"cpu(\d+)", path)[1])] = int(re.search(rb"overrun: (\d+)", body)[1])
    if any(lost.values()):
        raise SystemExit(f"records were lost: {lost}")
    return Capture(events, raw, lost)
