#!/usr/bin/python3
"""make numbers: how fast the system starts, how big it is, how little memory it needs.

Benchmarks, not tests: nothing fails here, the aims stand beside what was measured. Bochs' instruction
counts and QEMU's under -icount are exact and the same on every host; wall times are the median of five
and want a quiet machine. "First user instruction" is the first of /init, caught by a breakpoint.
"""
import argparse
import pathlib
import resource
import statistics
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader"), str(REPOSITORY / "tests/system")]

from elftools.elf.elffile import ELFFile  # noqa: E402 (below the path, with the rest)
from shell import Shell  # noqa: E402
from vitrine_grader.bochs import Bochs  # noqa: E402
from vitrine_grader.errors import GraderError  # noqa: E402
from vitrine_grader.machine import SECOND, Config  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402
from vitrine_grader.symbols import SymbolTable  # noqa: E402

MIB = 1 << 20
LINE = "console=ttyS0"


def say(what, value, aim=""):
    print(f"{what:58} {value:>14}   {aim}", flush=True)


def entry_of(path):
    with open(path, "rb") as file:
        return ELFFile(file).header["e_entry"]


def start_qemu(built, deterministic):
    """(wall seconds, virtual seconds) from kernel_entry() to the first instruction of /init."""
    config = Config(kernel=built.kernel, initrd=built.lab, cmdline=LINE, paused=True, deterministic=deterministic)
    with Qemu(config) as machine:
        machine.run_to(SymbolTable(built.elf)["kernel_entry"])
        wall, virtual = time.monotonic(), machine.virtual_ns()
        machine.run_to(entry_of(built.programs / "init"), 60 * SECOND)
        return time.monotonic() - wall, (machine.virtual_ns() - virtual) / SECOND


def start_bochs(built, cmdline):
    """Instructions from kernel_entry() to the first one of /init."""
    with Bochs(Config(kernel=built.kernel, initrd=built.lab, cmdline=cmdline, paused=True)) as machine:
        machine.run_to(SymbolTable(built.elf)["kernel_entry"], 60 * SECOND)
        begin = machine.ticks()
        machine.run_to(entry_of(built.programs / "init"), 60 * SECOND)
        return machine.ticks() - begin


def prompt_on_bochs(built):
    """(wall, processor) seconds from power-on to the shell's prompt, from the image of `make bochs`."""
    begin = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Bochs(Config(disk=built.disk)) as machine:
        machine.console.expect("# ", 60 * SECOND)
        wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def has_prompt(built, mem):
    """A machine with so many MiB gets to the shell, which can run programs."""
    try:
        with Qemu(Config(kernel=built.kernel, initrd=built.shell, cmdline=LINE, mem=mem, deterministic=False)) as machine:
            return Shell(machine, 20 * SECOND).run("ls / | wc -l").strip().isdigit()
    except (GraderError, AssertionError):
        return False


def least_memory(built):
    """MiB of RAM: the least that still gives a prompt."""
    low, high = 1, 128  # low does not suffice, high does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if has_prompt(built, middle) else (middle, high)
    return high


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build")
    build = parser.parse_args().build.resolve()
    built = argparse.Namespace(
        kernel=build / "kernel/vitrine.img.elf", elf=build / "kernel/vitrine.elf", disk=build / "disk.img",
        lab=build / "initramfs-lab.cpio", shell=build / "initramfs.cpio", programs=build / "userland")
    size = {name: getattr(built, name).stat().st_size / MIB for name in ("kernel", "lab", "shell")}
    say("kernel (stripped)", f"{size['kernel']:.2f} MiB", "below 4 MiB")
    say("kernel + initramfs of the labs' tests", f"{size['kernel'] + size['lab']:.2f} MiB", "at most 2 MiB")
    say("kernel + initramfs of the interactive image", f"{size['kernel'] + size['shell']:.2f} MiB", "at most 8 MiB")
    wall = statistics.median(start_qemu(built, False)[0] for _ in range(5))
    say("kernel entry to first user instruction, QEMU, wall", f"{wall:.3f} s", "at most 0.15 s")
    say("  the same under -icount (1 instruction = 1 ns)", f"{start_qemu(built, True)[1] * 1000:.1f} ms")
    say("  the same on Bochs, instructions", f"{start_bochs(built, LINE) / 1e6:.1f} million", "at most 40 million")
    say("  the same on Bochs, quiet", f"{start_bochs(built, LINE + ' quiet') / 1e6:.1f} million")
    prompts = [prompt_on_bochs(built) for _ in range(5)]
    say("power-on to prompt, Bochs, wall", f"{statistics.median(wall for wall, _ in prompts):.2f} s", "at most 5 s")
    say("  processor time of it (what a quiet machine needs)", f"{statistics.median(cpu for _, cpu in prompts):.2f} s")
    say("RAM that a prompt needs", f"{least_memory(built)} MiB", "at most 40 MiB")


if __name__ == "__main__":
    main()
