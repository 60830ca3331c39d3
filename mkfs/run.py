#!/usr/bin/python3
"""Starts QEMU for a person: the guest's first serial port is this terminal.

    run.py [options] disk IMAGE                     BIOS, GRUB, then the kernel
    run.py [options] uefi IMAGE                     OVMF, GRUB, then the kernel
    run.py [options] direct KERNEL INITRD [WORD...] no firmware: the kernel's PVH entry
    run.py console SOCKET                           attach to the console of `make debug`

Ctrl-A X ends QEMU, Ctrl-A C opens its monitor. With --gdb ELF the machine stands before its first
instruction, gdb gets this terminal, and the console is a socket for `run.py console`. Always TCG:
a /dev/kvm that is there but does not work would make the guest hang.
"""
import argparse
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import terminal

OVMF = pathlib.Path("/usr/share/OVMF")
DEBUG_CONSOLE = pathlib.Path("build/debug/console")


def boot_arguments(options, folder):
    """What the machine boots from."""
    if options.how == "direct":
        kernel, initrd, *words = options.what
        return ["-kernel", kernel, "-initrd", initrd, "-append", " ".join(["console=ttyS0", *words])]
    image = ["-drive", f"file={options.what[0]},format=raw,snapshot=on"]
    if options.how == "disk":
        return image
    variables = shutil.copyfile(OVMF / "OVMF_VARS.fd", pathlib.Path(folder) / "vars.fd")
    return ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE.fd'}",
            "-drive", f"if=pflash,format=raw,file={variables}", *image]


def machine_arguments(options):
    machine = "q35" if options.how == "uefi" else options.machine
    return ["qemu-system-x86_64", "-accel", "tcg", "-M", machine, "-cpu", "max", "-m", str(options.mem),
            "-smp", str(options.smp), "-nodefaults", "-display", "none", "-no-reboot"]


def run_console(command):
    """QEMU on this terminal. It makes the terminal raw itself, but would turn \\n into \\r\\n."""
    chardev = ["-chardev", "stdio,id=console,mux=on,signal=off",
               "-serial", "chardev:console", "-mon", "chardev=console"]
    with terminal.raw_terminal(raw=False):
        return subprocess.run([*command, *chardev], check=False).returncode


def run_gdb(command, elf):
    """QEMU waiting in the background, gdb on this terminal."""
    DEBUG_CONSOLE.parent.mkdir(parents=True, exist_ok=True)
    stub = DEBUG_CONSOLE.with_name("gdb")
    for path in (DEBUG_CONSOLE, stub):
        path.unlink(missing_ok=True)
    chardevs = ["-chardev", f"socket,id=c,path={DEBUG_CONSOLE},server=on,wait=off,logfile={DEBUG_CONSOLE}.log",
                "-serial", "chardev:c", "-chardev", f"socket,id=g,path={stub},server=on,wait=off",
                "-gdb", "chardev:g", "-S"]
    gdb = ["gdb", "-q", elf, "-ex", "set confirm off", "-ex", f"target remote {stub}"]
    print(f"console: {sys.argv[0]} console {DEBUG_CONSOLE}   (in another terminal; log in {DEBUG_CONSOLE}.log)\n"
          f"gdb:     {' '.join(repr(word) if ' ' in word else word for word in gdb)}", flush=True)
    emulator = subprocess.Popen([*command, *chardevs], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        while not stub.exists() and emulator.poll() is None:
            time.sleep(0.05)
        if emulator.poll() is None:
            return subprocess.run(gdb, check=False).returncode
        return emulator.returncode
    finally:
        emulator.terminate()
        emulator.wait()


def attach(path):
    """The console of a machine that `--gdb` started."""
    with socket.socket(socket.AF_UNIX) as console, terminal.raw_terminal():
        console.connect(path)
        terminal.relay(console.fileno(), lambda: True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--machine", choices=["pc", "q35"], default="pc")
    parser.add_argument("--mem", type=int, default=128, help="MiB of memory")
    parser.add_argument("--smp", type=int, default=1, help="processors")
    parser.add_argument("--gdb", metavar="ELF")
    parser.add_argument("how", choices=["disk", "uefi", "direct", "console"])
    parser.add_argument("what", nargs="+")
    options = parser.parse_args()
    if options.how == "direct" and len(options.what) < 2:
        parser.error("direct needs a kernel and an initrd")
    if options.how == "console":
        return attach(options.what[0])
    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder:
        command = machine_arguments(options) + boot_arguments(options, folder)
        return run_gdb(command, options.gdb) if options.gdb else run_console(command)


if __name__ == "__main__":
    os.environ.setdefault("TERM", "vt100")
    try:
        sys.exit(main())
    except (OSError, KeyboardInterrupt) as why:
        sys.exit(f"run.py: {why}")
