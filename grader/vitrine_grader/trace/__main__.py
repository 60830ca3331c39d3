"""`make trace`: boots the kernel, runs a command with trace points on, writes what they recorded.

Exit codes: 0 written, 1 the command could not be traced, 2 usage, 75 infrastructure fault.
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import re
import sys

from .. import images
from ..errors import GraderError, InfrastructureFault
from ..machine import Config
from ..qemu import Qemu
from . import capture, chrome, ctf

DEFAULT_EVENTS = "sched:*,raw_syscalls:*,exceptions:*,irq:*,signal:*"
DEFAULT_COMMAND = "ls -l / | sort | tail -n 3; for word in a b c; do (echo $word); done | cat"


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", type=pathlib.Path, required=True)
    parser.add_argument("--initrd", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--events", default=DEFAULT_EVENTS)
    parser.add_argument("--command", help="what the guest's shell runs; the default is a small pipeline")
    parser.add_argument("--seconds", type=float, help="of guest time, at most; without a command: sleep that long")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--mem", type=int, default=256)
    parser.add_argument("--buffer", default="4M", help="for the records of each processor")
    options = parser.parse_args(argv)
    if not options.command:
        options.command = f"sleep {options.seconds:g}" if options.seconds else DEFAULT_COMMAND
        options.seconds = options.seconds and options.seconds + 1
    return options


def record(options: argparse.Namespace) -> capture.Capture:
    """The guest's part."""
    config = Config(
        kernel=options.kernel.resolve(), initrd=options.initrd.resolve(), smp=options.smp, mem=options.mem,
        cmdline=f"console=ttyS0 quiet trace_buf_size={options.buffer}", key=os.urandom(16), board="pc",
    )  # fmt: skip
    with Qemu(config) as machine:
        patterns = [word for word in re.split(r"[,\s]+", options.events) if word]
        return capture.run(machine.agent, patterns, options.command, options.seconds or 60)


def system_calls() -> dict[int, str]:
    """Names of system calls, from the kernel's own table."""
    text = (images.root() / "src/abi/syscall_numbers.h").read_text()
    return {int(number): name for number, name in re.findall(r"{(\d+), \"(\w+)\"}", text)}


def summarise(taken: capture.Capture, out: pathlib.Path) -> None:
    """What there is, and how to look at it."""
    records = taken.records()
    counts = collections.Counter(f"{record.event.system}:{record.event.name}" for record in records)
    print(f"command: {taken.ended}")
    for name, count in counts.most_common():
        print(f"  {name:32} {count:8}")
    lost = sum(taken.lost.values())
    span = (records[-1].time_ns - records[0].time_ns) / 1e6 if records else 0
    print(f"{len(records)} records on {len(taken.raw)} processor(s) in {span:.3f} ms of guest time, {lost} lost")
    if lost:
        print("some were overwritten: name fewer EVENTS, or a larger BUFFER (now lost: the oldest)")
    print(f"look:  babeltrace2 {out}/ctf")
    print(f"       {out}/chrome.json in https://ui.perfetto.dev or speedscope")


def main(argv: list[str]) -> int:
    options = parse(argv)
    try:
        taken = record(options)
        if taken.output:
            print(taken.output, end="" if taken.output.endswith("\n") else "\n")
        ctf.write(taken, options.out / "ctf")
        if any(taken.raw.values()):
            chrome.write(options.out / "ctf", options.out / "chrome.json", system_calls())
        summarise(taken, options.out)
        return 0
    except InfrastructureFault as fault:
        print(f"infrastructure fault: {fault}", file=sys.stderr)
        return 75
    except (GraderError, capture.TraceError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
