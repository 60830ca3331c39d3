#!/usr/bin/python3
"""make soak: boots the system many times, each time with a random number of processors, and counts.

A boot is good when a command typed at the shell is answered with what only a living shell can know,
and poweroff then ends the machine. The answer, not the prompt, is the evidence. One boot in two goes
through GRUB, the other enters directly; N/10 boots are done on Bochs. Each failure keeps its console
in build/soak/ and prints the command that repeats it. The seed is printed; --seed repeats the row.
"""
import argparse
import pathlib
import random
import sys
import time

import pexpect

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
KEPT = REPOSITORY / "build/soak"
PROMPT = r"# (?:\x1b\[6n)?$"


def command_for(options, emulator, processors):
    if emulator == "bochs":
        return [sys.executable, str(REPOSITORY / "mkfs/bochs_console.py"), "--smp", str(processors), options.disk]
    run = [sys.executable, str(REPOSITORY / "mkfs/run.py"), "--smp", str(processors)]
    return [*run, "disk", options.disk] if emulator == "grub" else [*run, "direct", options.kernel, options.initrd]


def boot_once(command, number, processors, patience):
    """None when the boot was good, else (what went wrong, the console's last text)."""
    child = pexpect.spawn(command[0], command[1:], timeout=patience, encoding="latin-1")
    try:
        child.expect(PROMPT)
        child.send(f"echo answer-$(({number} * 7))-$(grep -c ^processor /proc/cpuinfo)-\r")
        child.expect(r"answer-(\d+)-(\d*)-\r")
        answer, expected = child.match.groups(), (str(number * 7), str(processors))
        if answer != expected:
            return f"answered {answer}, expected {expected}", child.before
        child.expect(PROMPT)
        child.send("poweroff\r")
        child.expect(pexpect.EOF)
        return None
    except pexpect.TIMEOUT:
        return f"silent for {patience} s", str(child.before)
    except pexpect.EOF:
        return "the emulator ended", str(child.before)
    finally:
        child.close(force=True)


def soak(options):
    """Runs all boots; the last line is "N passed, M failed"."""
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    chance, bad, started = random.Random(seed), 0, time.monotonic()
    plan = [("grub", "direct")[i % 2] for i in range(options.boots)] + ["bochs"] * (options.boots // 10)
    print(f"{len(plan)} boots, seed {seed}", flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    for number, emulator in enumerate(plan, 1):
        processors = chance.randint(1, 4)
        command = command_for(options, emulator, processors)
        wrong = boot_once(command, number, processors, options.patience)
        if wrong:
            bad += 1
            console = KEPT / f"boot-{number}.txt"
            console.write_text(wrong[1], encoding="utf-8")
            print(f"boot {number} ({emulator}, {processors} processors): {wrong[0]}; console in {console}\n"
                  f"  repeat: {' '.join(command)}", flush=True)
        if number % 50 == 0:
            print(f"{number}/{len(plan)} after {time.monotonic() - started:.0f} s, {bad} bad", flush=True)
    print(f"{len(plan) - bad} passed, {bad} failed")
    return 1 if bad or not plan else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--boots", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--patience", type=int, default=60, help="seconds without progress before a boot is bad")
    for name in ("kernel", "initrd", "disk"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    return soak(options)


if __name__ == "__main__":
    sys.exit(main())
