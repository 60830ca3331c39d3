#!/usr/bin/python3
"""make fuzz: runs userland/fuzz in QEMU, watches the kernel, and tells how to repeat what went wrong.

The kernel passes when it neither panics nor hangs and, with all of fuzz' workers gone, owns no page, slab
object or task more than before. The same --seed makes the same calls; how four threads interleave is up
to the emulator, unless --smp 1 --deterministic makes the run exact.
"""
import argparse
import re
import sys
import time

import campaign

FUZZ = campaign.Campaign(
    name="fuzz",
    progress=re.compile(r"^fuzz: (\d+) calls, worker (\d+)$"),
    result=re.compile(r"^fuzz: \d+ calls, \d+ workers, (\d+) leaks$", re.MULTILINE),
    wrong="the kernel keeps what it should have freed")


class Progress:
    """Follows the program's lines: the last worker seen, and what a person is shown."""

    def __init__(self, options):
        self.reached, self._wanted = options.first, options.calls
        self._started, self._shown = time.monotonic(), 0.0

    def __call__(self, line):
        match = FUZZ.progress.match(line)
        if not match:
            return
        self.reached = int(match[2])
        if time.monotonic() - self._shown > (0.2 if sys.stdout.isatty() else 10):
            self._shown = time.monotonic()
            campaign.show(int(match[1]), self._wanted, "calls", self._started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--first", type=int, default=0, help="begin with this worker")
    parser.add_argument("--only", type=int, help="make this call only (its number)")
    parser.add_argument("--batch", type=int, default=3000, help="calls of each thread of a worker")
    parser.add_argument("--threads", type=int, default=4)
    options = campaign.options_of(parser, "fuzz")
    print(f"{options.calls} calls, seed {options.seed}, {options.threads} threads, {options.smp} processors", flush=True)
    words = ["/sbin/fuzz", "-s", options.seed, "-n", options.calls, "-f", options.first, "-b", options.batch,
             "-t", options.threads, *([] if options.only is None else ["-c", options.only])]
    progress = Progress(options)
    return campaign.run(FUZZ, options, words, progress, lambda: f"make fuzz SEED={options.seed} "
                        f"FIRST={progress.reached} FUZZ_CALLS={options.calls}")


if __name__ == "__main__":
    sys.exit(main())
