"""What `make fuzz` and `make stress` share: a program that loads the kernel for long, and who watches it.

The program runs in QEMU under the grader's agent and prints lines; a Campaign says which of them tell how
far it is, which one is its result, and how to repeat a run. Limits are guest time: on a loaded host the
guest gets less of everything, its clock included.
"""
import argparse
import dataclasses
import os
import pathlib
import random
import re
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader")]

import postmortem  # noqa: E402
from vitrine_grader.errors import GraderError  # noqa: E402 (needs the path above)
from vitrine_grader.machine import SECOND, Config  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402

SILENT = 120 * SECOND  # without a line of the program's: it hangs, or the kernel does


@dataclasses.dataclass
class Campaign:
    """One kind of run."""

    name: str
    progress: re.Pattern  # a line that tells how far the program is; not part of the report
    result: re.Pattern  # of a run that came to its end; its last group is the number of things wrong
    wrong: str  # what that means


def show(made, wanted, unit, started):
    """A bar on a terminal, a line elsewhere."""
    spent = max(time.monotonic() - started, 1e-3)
    if sys.stdout.isatty():
        full = min(40, 40 * made // max(wanted, 1))
        print(f"\r[{'#' * full}{'.' * (40 - full)}] {made}/{wanted} {unit}, {spent:.0f} s ", end="", flush=True)
    else:
        print(f"{made}/{wanted} {unit} after {spent:.0f} s", flush=True)


def options_of(parser, name):
    """The arguments, with those that every campaign takes."""
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--smp", type=int, default=4)
    parser.add_argument("--mem", type=int, default=256)
    parser.add_argument("--deterministic", action="store_true", help="virtual time: exact with --smp 1, slow")
    parser.add_argument("--kept", type=pathlib.Path, default=REPOSITORY / "build" / name, help="where logs go")
    for path in ("kernel", "initrd"):
        parser.add_argument(f"--{path}", type=lambda text: pathlib.Path(text).resolve(), required=True)
    return parser.parse_args()


def watch(machine, words, on_line):
    """Runs the program to its end, each line to `on_line`; its output. Raises when the machine gives up."""
    job, _ = machine.agent.start(words, limit_ns=30 * 24 * 3600 * SECOND)
    text, rest, heard = "", "", machine.virtual_ns()
    while True:
        report = machine.agent.job(job, wait_ns=SECOND, limit_ns=30 * SECOND)
        rest += (report.out + report.err).decode(errors="replace")
        *lines, rest = rest.split("\n")
        for line in lines:
            text += line + "\n"
            heard = machine.virtual_ns()
            on_line(line)
        if report.done:
            return text + rest
        if machine.virtual_ns() - heard > SILENT:
            raise GraderError(f"not a line for {SILENT // SECOND} s of guest time; the last ones:\n{text[-2000:]}")


def judge(text, campaign):
    """What is wrong with a run that printed `text`; None: nothing."""
    result = campaign.result.search(text)
    print("\n" + "\n".join(line for line in text.splitlines() if not campaign.progress.match(line)))
    if not result:
        return "the program ended early"
    return campaign.wrong if any(int(number) for number in result.groups()) else None


def run(campaign, options, words, on_line, repeat):
    """Boots, runs, judges; `repeat()` is the command that does it again. The exit status."""
    machine = Qemu(Config(kernel=options.kernel, initrd=options.initrd, cmdline="console=ttyS0 quiet", smp=options.smp,
                          mem=options.mem, key=os.urandom(16), deterministic=options.deterministic, keep=options.kept))
    try:
        machine.start()
        wrong = judge(watch(machine, [str(word) for word in words], on_line), campaign)
    except (GraderError, OSError) as why:
        wrong = f"{type(why).__name__}: {why}\n{machine.console.text[-6000:]}"
        postmortem.save(machine, options.kernel.with_name("vitrine.elf"))
    finally:
        machine.stop()
    if wrong:
        print(f"\n{wrong}\n  logs:   {options.kept}\n  repeat: {repeat()}")
    print(f"{0 if wrong else 1} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0
