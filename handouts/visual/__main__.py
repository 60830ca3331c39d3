"""Draws the memory of a live kernel: boots it, runs a program, stops it, and looks from outside.

    make visual [PROGRAM="cmd" | PID=n] [CACHE=name] [SMP=n] [MEM=MiB]

Makes memory.svg, space.svg, free_lists.svg, slab.svg and index.html.
"""
import argparse
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader"), str(REPOSITORY / "handouts")]

from vitrine_grader.errors import GraderError  # noqa: E402 (needs the path above)

from visual import VisualError, gallery  # noqa: E402
from visual.guest import Guest  # noqa: E402
from visual.pictures import look, pictures  # noqa: E402

DEFAULT = "echo always >/sys/kernel/mm/transparent_hugepage/enabled; exec /sbin/load touch 9 /tmp/ready"
BUILD = REPOSITORY / "build"


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="visual", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--program", help=f"a command of the shell that goes on (default: {DEFAULT})")
    parser.add_argument("--pid", type=int, help="draw this process instead of the program")
    parser.add_argument("--cache", default="vm_area_struct", help="the slab cache to draw")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--mem", type=int, default=128, help="MiB")
    parser.add_argument("--cmdline", default="", help="more words for the kernel")
    parser.add_argument("--kernel", type=pathlib.Path, default=BUILD / "kernel/vitrine.img.elf")
    parser.add_argument("--elf", type=pathlib.Path, default=BUILD / "kernel/vitrine.elf",
                        help="the same with debugging information")
    parser.add_argument("--initrd", type=pathlib.Path, default=BUILD / "initramfs.cpio")
    parser.add_argument("--output", type=pathlib.Path, default=BUILD / "visual")
    return parser.parse_args(words)


def step(text: str) -> None:
    """Tells a person what is happening; a pipe learns the result only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> dict[str, str]:
    step("reading the kernel's debugging information")
    guest = Guest(options.kernel, options.elf, options.initrd, options.smp, options.mem, options.cmdline)
    step("booting")
    with guest:
        pid = options.pid
        if options.program or pid is None:
            program = guest.start(options.program or DEFAULT)
            pid = program if pid is None else pid
        step("looking")
        seen = look(guest, pid, options.cache)
    step("drawing")
    drawn = pictures(seen)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, (_, svg) in drawn.items():
        (options.output / f"{name}.svg").write_text(svg, encoding="utf-8")
    titles = {name: title for name, (title, _) in drawn.items()}
    about = f"{options.mem} MiB, {options.smp} processor(s); process {seen.said.pid} ({seen.said.name})"
    (options.output / "index.html").write_text(gallery.page(about, titles), encoding="utf-8")
    step("")
    return titles


def main() -> int:
    options = parse()
    try:
        run(options)
    except (VisualError, GraderError, OSError) as error:
        step("")
        print(f"visual: {error}", file=sys.stderr)
        return 1
    print(f"made {options.output}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
