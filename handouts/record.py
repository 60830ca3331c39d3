#!/usr/bin/python3
"""Records a session at the guest's prompt and draws it as the picture of README.md.

    record.py --disk build/disk.img --output handouts/_static/session.svg

GRUB boots the image on QEMU with two processors, the commands below are typed, and what the guest
answered is drawn as it came; only the green of the prompt is ours. Runs again with `make recording`.
"""
import argparse
import html
import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "grader"), str(REPOSITORY / "tests/system")]

from shell import Shell  # noqa: E402 (needs the path above)
from vitrine_grader.machine import SECOND, Config  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402

COMMANDS = [
    "uname -srm; cat /proc/cpuinfo | grep -c processor",
    "ls /",
    "yes | head -100000 | md5sum",
    "free -m | head -2",
    "cd /sys/kernel/tracing; echo sched_switch > set_event; sleep 0.1; echo > set_event",
    "tail -3 trace | cut -c 1-96",
    "ps",
]
COLOURS = {"30": "#5c6370", "31": "#e06c75", "32": "#98c379", "33": "#e5c07b", "34": "#61afef", "35": "#c678dd",
           "36": "#56b6c2", "37": "#dcdfe4"}
COLUMNS, LINE, CHARACTER = 100, 18, 8.4


def session(disk):
    """What the console showed: the last words of the boot, the banner, and the commands with their answers."""
    with Qemu(Config(disk=disk, board="pc", smp=2, deterministic=False)) as machine:
        shell = Shell(machine, 60 * SECOND)
        text = machine.console.text
        boot = [line for line in text.split("vitrine:~#")[0].splitlines() if line.strip()]
        shown = boot[-9:]
        where = "~"
        for command in COMMANDS:
            shown.append(f"\x1b[32mvitrine:{where}#\x1b[0m {command}")
            shown += shell.run(command).splitlines()
            if found := re.match(r"cd (\S+);", command):
                where = found[1]
        return shown


def spans(line):
    """The line's pieces: (colour, text). Other escape sequences move the cursor and are left out."""
    colour, pieces = "#dcdfe4", []
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
        if found := re.fullmatch(r"\x1b\[([0-9;]*)m", part):
            codes = found[1].split(";")
            colour = next((COLOURS[code] for code in codes if code in COLOURS), "#dcdfe4")
        elif part and not part.startswith("\x1b"):
            pieces.append((colour, part))
    return pieces


def draw(lines):
    """The picture, as SVG."""
    rows = []
    for number, line in enumerate(lines):
        pieces = "".join(f'<tspan fill="{colour}">{html.escape(text)}</tspan>' for colour, text in spans(line))
        rows.append(f'<text x="16" y="{54 + number * LINE}" xml:space="preserve">{pieces}</text>')
    width, height = int(COLUMNS * CHARACTER) + 32, 60 + len(lines) * LINE
    dots = "".join(f'<circle cx="{20 + 18 * n}" cy="18" r="6" fill="{colour}"/>'
                   for n, colour in enumerate(("#e06c75", "#e5c07b", "#98c379")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">\n'
            f'<rect width="100%" height="100%" rx="8" fill="#1e2127"/>{dots}\n' + "\n".join(rows) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--disk", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    lines = [line.expandtabs()[: COLUMNS + 40] for line in session(options.disk)]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(draw(lines), encoding="utf-8")
    print(f"{options.output}: {len(lines)} lines")


if __name__ == "__main__":
    main()
