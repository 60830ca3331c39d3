#!/usr/bin/python3
"""make stress-vm: runs userland/pressure's storm in QEMU: eight processes map, touch, fork, move and unmap.

In 256 MiB, of which a filled RAM disk is swap space, the areas of all together are larger than memory. The
kernel passes when no process finds a page other than it left it, and it owns no page, slab object or task
more than before.
"""
import argparse
import re
import sys

import campaign

STORM = campaign.Campaign(
    name="stress-vm",
    progress=re.compile(r"^pressure: (\d+) s$"),
    result=re.compile(r"^pressure: storm: (\d+) failures, \d+ killed, (\d+) leaks$", re.MULTILINE),
    wrong="a page was not what it should be, or the kernel keeps what it should have freed")

SWAP = ("echo always > /sys/kernel/mm/transparent_hugepage/enabled; "
        "dd if=/dev/zero of=/dev/ram0 bs=64k 2>/dev/null; mkswap /dev/ram0 >/dev/null && swapon /dev/ram0")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=1800, help="of guest time")
    parser.add_argument("--mib", type=int, default=260, help="that the processes may have together, on average")
    options = campaign.options_of(parser, "stress-vm")
    print(f"{options.seconds} s, seed {options.seed}, {options.mib} MiB in {options.mem}, "
          f"{options.smp} processors", flush=True)
    storm = f"/sbin/pressure storm {options.seconds} {options.seed} {options.mib}"
    return campaign.run(STORM, options, ["/bin/sh", "-c", f"{SWAP}; exec {storm}"], lambda line: None,
                        lambda: f"make stress-vm SEED={options.seed} STRESS_SECONDS={options.seconds}")


if __name__ == "__main__":
    sys.exit(main())
