#!/usr/bin/python3
"""make stress: runs userland/stress in QEMU for a time, and tells how to repeat what went wrong.

The kernel passes when every check of every worker holds, none hangs (the program counts turns of its own,
and guest time is limited here), nothing panics, and it owns no page, slab object or task more than before.
The same --seed makes the same draws; how they interleave is up to the emulator, unless --smp 1
--deterministic makes the run exact.
"""
import argparse
import re
import sys
import time

import campaign

STRESS = campaign.Campaign(
    name="stress",
    progress=re.compile(r"^stress: (?:(\d+) operations after (\d+) s|warming up)$"),
    result=re.compile(r"^stress: \d+ operations, \d+ rounds, (\d+) failures, (\d+) leaks$", re.MULTILINE),
    wrong="a check failed, or the kernel keeps what it should have freed")


class Progress:
    """Shows a person how far it is."""

    def __init__(self, options):
        self._wanted, self._started, self._shown = options.seconds, time.monotonic(), 0.0

    def __call__(self, line):
        match = STRESS.progress.match(line)
        if match and match[1] and time.monotonic() - self._shown > (0.2 if sys.stdout.isatty() else 30):
            self._shown = time.monotonic()
            campaign.show(int(match[2]), self._wanted, f"s of the guest, {match[1]} operations", self._started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=1800, help="of guest time")
    parser.add_argument("--copies", type=int, default=2, help="workers of each kind")
    parser.add_argument("--only", help="workers of this kind only")
    parser.add_argument("--round", type=int, default=0, help="begin with this round")
    options = campaign.options_of(parser, "stress")
    print(f"{options.seconds} s, seed {options.seed}, {options.copies} workers of each kind, "
          f"{options.smp} processors", flush=True)
    words = ["/sbin/stress", "-s", options.seed, "-t", options.seconds, "-j", options.copies, "-r", options.round,
             *(["-o", options.only] if options.only else [])]
    return campaign.run(STRESS, options, words, Progress(options),
                        lambda: f"make stress SEED={options.seed} STRESS_SECONDS={options.seconds}")


if __name__ == "__main__":
    sys.exit(main())
