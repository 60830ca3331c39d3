#!/usr/bin/python3
"""Starts Bochs for a person: the guest's first serial port is this terminal.

    bochs_console.py [--mem MIB] [--smp N] IMAGE

Bochs gets one end of a pseudo terminal as COM1; bytes are relayed between the other end and this
terminal. The relay never stops reading, since Bochs drops what does not fit into the pty's 4 KiB.
Ctrl-A X quits. When Bochs ends by itself, its log tells why: a power-off is a good end, anything
else is shown with the last lines of the log. The image is only read: writes go to a journal that
is thrown away. (EMULATORS: no window, the debugger is told to continue, panics end the process.)
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tty

import terminal

CONFIG = """\
config_interface: textconfig
display_library: sdl2
cpu: model=broadwell_ult, count={smp}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest={mem}, host={mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/vgabios/vgabios.bin
vga: extension=vbe, update_freq=1, realtime=0
pci: enabled=1, chipset=i440fx
clock: sync={sync}, time0={time0}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, mode=volatile, path="{image}", journal="{folder}/journal"
boot: disk
com1: enabled=1, mode=term, dev={console}
port_e9_hack: enabled=1
magic_break: enabled=0
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
log: {folder}/bochs.log
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
"""
POWER_OFF = re.compile(r"Shutdown port: shutdown requested|ACPI control: soft power off")


def write_config(folder, options, console):
    """The configuration file and the debugger's first command; the arguments for Bochs."""
    (folder / "bochsrc").write_text(CONFIG.format(
        smp=options.smp, ips=options.ips, mem=options.mem, sync=options.sync, time0=options.time0,
        image=pathlib.Path(options.image).resolve(), folder=folder, console=console), encoding="utf-8")
    (folder / "go.rc").write_text("c\nq\n", encoding="ascii")
    return ["bochs", "-q", "-f", str(folder / "bochsrc"), "-rc", str(folder / "go.rc")]


def explain_end(folder):
    """(exit code, message) for a Bochs that ended by itself."""
    try:
        lines = (folder / "bochs.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    panics = [line for line in lines if ">>PANIC<<" in line]
    if panics and POWER_OFF.search(panics[-1]):
        return 0, "The machine was powered off."
    told = (folder / "bochs.out").read_text(errors="replace").splitlines()
    tail = panics[-1:] + ["..."] + (lines[-25:] if lines else told[-25:])
    return 1, "Bochs ended by itself. From its log:\n  " + "\n  ".join(tail)


def run_bochs(folder, options):
    """Runs Bochs until it or the person ends it."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    command = write_config(folder, options, os.ttyname(theirs))
    with open(folder / "bochs.out", "wb") as output:
        emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    env={**os.environ, "SDL_VIDEODRIVER": "dummy"}, start_new_session=True)
    try:
        with terminal.raw_terminal():
            how = terminal.relay(ours, lambda: emulator.poll() is None)
    finally:
        emulator.kill()
        emulator.wait()
        os.close(ours)
        os.close(theirs)
    return (0, "") if how == "quit" else explain_end(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mem", type=int, default=128, help="MiB of memory")
    parser.add_argument("--smp", type=int, default=1, help="processors")
    parser.add_argument("--ips", type=int, default=50_000_000, help="instructions per virtual second")
    parser.add_argument("--sync", default="slowdown", choices=["none", "slowdown", "realtime"],
                        help="slowdown: the guest's clock never runs ahead of yours")
    parser.add_argument("--time0", default="local", help="the guest's date: local, utc or seconds")
    parser.add_argument("image")
    options = parser.parse_args()
    if not pathlib.Path(options.image).is_file():
        sys.exit(f"bochs_console.py: no such image: {options.image}")
    with tempfile.TemporaryDirectory(prefix="vitrine-bochs-") as folder:
        code, message = run_bochs(pathlib.Path(folder), options)
    print(f"\r\n{message}")
    return code


if __name__ == "__main__":
    sys.exit(main())
