#!/usr/bin/python3
"""make soak: boots the system many times, each time another machine, and counts.

A boot is good when user space answers a question that only working programs can answer (a checksum of
bytes drawn for this boot, and the number of processors), and poweroff then ends the machine. Most boots
on QEMU enter the kernel directly and ask through the agent; one in five goes through GRUB and types at
the prompt, as all on Bochs do. Number of processors and memory are drawn anew for each.

A failure keeps its folder in build/soak/ (both serial logs, QEMU's log, the processors' registers) and
prints what repeats it. The same --seed draws the same row; --only N does its Nth boot alone.
"""
import argparse
import concurrent.futures
import dataclasses
import hashlib
import pathlib
import random
import shutil
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "grader"), str(REPOSITORY / "tests/system")]

import postmortem  # noqa: E402
from shell import Shell  # noqa: E402 (needs the path above)
from vitrine_grader.bochs import Bochs  # noqa: E402
from vitrine_grader.errors import GraderError  # noqa: E402
from vitrine_grader.machine import SECOND, Config, Exit  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402

LIMITS = {"bochs": 12 * SECOND, "grub": 90 * SECOND, "direct": 90 * SECOND, "icount": 90 * SECOND}


@dataclasses.dataclass(frozen=True)
class Boot:
    number: int
    way: str    # direct, icount (direct, in virtual time), grub, bochs
    smp: int
    mem: int    # MiB
    seed: int   # of the question

    def describe(self):
        return f"boot {self.number} ({self.way}, {self.smp} processors, {self.mem} MiB)"


def plan(options):
    """The row of boots that the seed draws. Each has its own chance, so that --only needs no others."""
    for number in range(1, options.qemu + options.bochs + 1):
        chance = random.Random(f"{options.seed}:{number}")
        way = "bochs" if number > options.qemu else ("grub", "icount", "direct", "direct", "direct")[number % 5]
        mem = chance.choice((64, 96, 128, 200, 256) if way in ("bochs", "grub") else (40, 64, 100, 128, 333, 1024))
        yield Boot(number, way, chance.randint(1, 4), mem, chance.randrange(1 << 32))


def question(boot):
    """(a shell command, what it prints)."""
    chance = random.Random(boot.seed)
    text = "".join(chance.choices("abcdefghijklmnop", k=40))
    count = chance.randint(3, 30)
    digest = hashlib.md5(f"{text}\n".encode() * count).hexdigest()
    command = f"i=0; while [ $i -lt {count} ]; do echo {text}; i=$((i + 1)); done | cat | md5sum; " \
              "grep -c ^processor /proc/cpuinfo"
    return command, f"{digest}  -\n{boot.smp}\n"


def check_agent(machine, boot, limit):
    command, expected = question(boot)
    done = machine.agent.run(["/bin/sh", "-c", command], limit_ns=limit)
    if done.stdout.decode(errors="replace") != expected or done.exit_code != 0:
        raise AssertionError(f"{done.describe()}, said {done.stdout!r} {done.stderr!r}, expected {expected!r}")
    machine.agent.shutdown()


def check_prompt(machine, boot, limit):
    command, expected = question(boot)
    shell = Shell(machine, limit)
    said = shell.run(command)
    if said != expected:
        raise AssertionError(f"said {said!r}, expected {expected!r}")
    shell.send("poweroff\r")


def machine_for(boot, options, folder):
    common = {"smp": boot.smp, "mem": boot.mem, "keep": folder}
    if boot.way == "bochs":
        return Bochs(Config(disk=options.disk, **common))
    if boot.way == "grub":
        return Qemu(Config(disk=options.disk, board="pc", deterministic=False, **common))
    key = random.Random(boot.seed + 1).randbytes(16)
    return Qemu(Config(kernel=options.kernel, initrd=options.initrd, cmdline="console=ttyS0", key=key,
                       deterministic=boot.way == "icount", **common))


def save_state(machine, folder):
    """Where the processors stand, for the failure's folder."""
    try:
        lines = [f"cpu {cpu}: " + " ".join(f"{name}={value:#x}" for name, value in machine.registers(cpu).items())
                 for cpu in range(machine.config.smp)]
    except (GraderError, ValueError, OSError) as why:
        lines = [f"no registers: {why}"]
    (machine.folder / "registers.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def boot_once(boot, options):
    """None when the boot was good, else what went wrong."""
    folder = options.kept / f"boot-{boot.number}"
    shutil.rmtree(folder, ignore_errors=True)
    machine, limit = machine_for(boot, options, folder), LIMITS[boot.way]
    wrong = None
    try:
        machine.start()
        (check_prompt if boot.way in ("grub", "bochs") else check_agent)(machine, boot, limit)
        if (end := machine.wait_exit(limit)) is not Exit.SHUTDOWN:
            wrong = f"ended with: {end.value}"
    except (GraderError, AssertionError, OSError) as why:
        wrong = f"{type(why).__name__}: {why}"
        save_state(machine, folder)
        if isinstance(machine, Qemu):
            postmortem.save(machine, options.kernel.with_name("vitrine.elf"))
    finally:
        machine.stop()
    if wrong is None:
        shutil.rmtree(folder, ignore_errors=True)
    return wrong


def show(done, total, bad, started):
    """A bar on a terminal, now and then a line elsewhere."""
    spent = time.monotonic() - started
    left = spent / done * (total - done)
    if sys.stdout.isatty():
        full = 40 * done // total
        print(f"\r[{'#' * full}{'.' * (40 - full)}] {done}/{total}, {bad} bad, {left:.0f} s left ", end="", flush=True)
    elif done % 50 == 0:
        print(f"{done}/{total} after {spent:.0f} s, {bad} bad", flush=True)


def soak(options):
    """Runs all boots; the last line is "N passed, M failed"."""
    boots = [boot for boot in plan(options) if options.only in (None, boot.number)]
    print(f"{len(boots)} boots, seed {options.seed}, {options.jobs} at a time", flush=True)
    options.kept.mkdir(parents=True, exist_ok=True)
    bad, started = 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(boot_once, boot, options): boot for boot in boots}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            boot, wrong = running[future], future.result()
            if wrong:
                bad += 1
                print(f"\n{boot.describe()}: {wrong}\n  logs:   {options.kept / f'boot-{boot.number}'}\n  repeat: "
                      f"make soak SEED={options.seed} SOAK_QEMU={options.qemu} SOAK_BOCHS={options.bochs} ONLY={boot.number}",
                      flush=True)
            show(done, len(boots), bad, started)
    print(f"\n{len(boots) - bad} passed, {bad} failed")
    return 1 if bad or not boots else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--qemu", type=int, default=1000)
    parser.add_argument("--bochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", type=int, default=None, help="the number of the one boot to do")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kept", type=pathlib.Path, default=REPOSITORY / "build/soak")
    for name in ("kernel", "initrd", "disk"):
        parser.add_argument(f"--{name}", type=lambda path: pathlib.Path(path).resolve(), required=True)
    return soak(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
