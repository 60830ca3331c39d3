#!/usr/bin/python3
"""make fault-alloc: every allocation that the kernel makes for a fixed workload fails once.

Runs userland/scarce in QEMU on a debug kernel. The kernel passes when it does not panic, answers each
failure with an errno that says so, and owns no page, slab object or task more than before. --only STEP
--nth N --verbose shows who asked for that allocation. --chance ROUNDS lets allocations fail by chance instead,
also those of the tasks that the workload starts.
"""
import argparse
import re
import sys
import time

import campaign

FAULTS = campaign.Campaign(
    name="fault-alloc",
    progress=re.compile(r"^scarce: ([\w-]+)(?:: (\d+) (?:failed|rounds)| at \d+)$"),
    result=re.compile(r"^scarce: \d+ steps, \d+ failures, (\d+) wrong, (\d+) leaks$", re.MULTILINE),
    wrong="an answer that is none of ENOMEM's kind, or the kernel keeps what it should have freed")
STEPS = 46


class Progress:
    """Shows a person how far it is."""

    def __init__(self):
        self._steps, self._started = 0, time.monotonic()

    def __call__(self, line):
        match = FAULTS.progress.match(line)
        if match and match[2]:
            self._steps += 1
            campaign.show(self._steps, STEPS, f"steps, {match[1]}: {match[2]} failures", self._started)


def words_of(options):
    """What to run in the guest."""
    flags = {"-o": options.only, "-n": options.nth, "-r": options.times, "-c": options.chance}
    given = [text for flag, value in flags.items() if value is not None for text in (flag, value)]
    return ["/sbin/scarce", *given, *(["-e"] if options.each else []), *(["-v"] if options.verbose else [])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="this step")
    parser.add_argument("--nth", type=int, help="this allocation of the step")
    parser.add_argument("--times", type=int, default=6, help="fail each so often: more than counting overlooks")
    parser.add_argument("--chance", type=int, help="rounds in which allocations fail by chance")
    parser.add_argument("--each", action="store_true", help="look for leaks after each: slow")
    parser.add_argument("--verbose", action="store_true", help="the kernel tells who asked for what failed")
    options = campaign.options_of(parser, "fault-alloc")
    return campaign.run(FAULTS, options, words_of(options), Progress(), lambda: "make fault-alloc [ONLY=step] [NTH=n]")


if __name__ == "__main__":
    sys.exit(main())
