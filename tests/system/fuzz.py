#!/usr/bin/python3
"""make fuzz: runs userland/fuzz in QEMU, watches the kernel, and tells how to repeat what went wrong.

The kernel passes when it neither panics nor hangs and, with all of fuzz' workers gone, owns no page, slab
object or task more than before. The same --seed makes the same calls; how four threads interleave is up
to the emulator, unless --smp 1 --deterministic makes the run exact.
"""
import argparse
import os
import pathlib
import random
import re
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader"), str(REPOSITORY / "tests/system")]

import postmortem  # noqa: E402
from vitrine_grader.errors import GraderError  # noqa: E402 (needs the path above)
from vitrine_grader.machine import SECOND, Config  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402

PROGRESS = re.compile(r"^fuzz: (\d+) calls, worker (\d+)$")
RESULT = re.compile(r"^fuzz: (\d+) calls, (\d+) workers, (\d+) leaks$", re.MULTILINE)


def show(made, wanted, started):
    """A bar on a terminal, lines elsewhere."""
    spent = max(time.monotonic() - started, 1e-3)
    if sys.stdout.isatty():
        full = min(40, 40 * made // wanted)
        print(f"\r[{'#' * full}{'.' * (40 - full)}] {made}/{wanted} calls, {made / spent:.0f}/s ", end="", flush=True)
    else:
        print(f"{made}/{wanted} calls after {spent:.0f} s", flush=True)


def fuzz(machine, options):
    """(the program's output, the last worker that was seen); raises when the machine gives up."""
    words = ["/sbin/fuzz", "-s", str(options.seed), "-n", str(options.calls), "-f", str(options.first),
             "-b", str(options.batch), "-t", str(options.threads)]
    if options.only is not None:
        words += ["-c", str(options.only)]
    limit = 24 * 3600 * SECOND
    job, _ = machine.agent.start(words, limit_ns=limit)
    text, rest, started, shown = "", "", time.monotonic(), 0.0
    while True:
        report = machine.agent.job(job, wait_ns=SECOND, limit_ns=30 * SECOND)
        rest += (report.out + report.err).decode(errors="replace")
        *lines, rest = rest.split("\n")
        for line in lines:
            text += line + "\n"
            if match := PROGRESS.match(line):
                options.reached = int(match[2])
                if time.monotonic() - shown > (0.2 if sys.stdout.isatty() else 10):
                    shown = time.monotonic()
                    show(int(match[1]), options.calls, started)
        if report.done:
            return text + rest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--first", type=int, default=0, help="begin with this worker")
    parser.add_argument("--only", type=int, help="make this call only (its number)")
    parser.add_argument("--batch", type=int, default=3000, help="calls of each thread of a worker")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--smp", type=int, default=4)
    parser.add_argument("--mem", type=int, default=256)
    parser.add_argument("--deterministic", action="store_true", help="virtual time: exact with --smp 1, slow")
    parser.add_argument("--kept", type=pathlib.Path, default=REPOSITORY / "build/fuzz")
    for name in ("kernel", "initrd"):
        parser.add_argument(f"--{name}", type=lambda path: pathlib.Path(path).resolve(), required=True)
    options = parser.parse_args()
    options.reached = options.first
    print(f"{options.calls} calls, seed {options.seed}, {options.threads} threads, {options.smp} processors", flush=True)
    machine = Qemu(Config(kernel=options.kernel, initrd=options.initrd, cmdline="console=ttyS0 quiet", smp=options.smp,
                          mem=options.mem, key=os.urandom(16), deterministic=options.deterministic, keep=options.kept))
    wrong = None
    try:
        machine.start()
        text = fuzz(machine, options)
        result = RESULT.search(text)
        print("\n" + "\n".join(line for line in text.splitlines() if not PROGRESS.match(line)))
        if not result:
            wrong = "the program ended early"
        elif int(result[3]):
            wrong = "the kernel keeps what it should have freed"
    except (GraderError, OSError) as why:
        wrong = f"{type(why).__name__}: {why}\n{machine.console.text[-6000:]}"
        postmortem.save(machine, options.kernel.with_name("vitrine.elf"))
    finally:
        machine.stop()
    if wrong:
        print(f"\n{wrong}\n  logs:   {options.kept}\n  repeat: make fuzz SEED={options.seed} "
              f"FIRST={options.reached} FUZZ_CALLS={options.calls}")
    print(f"{0 if wrong else 1} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
