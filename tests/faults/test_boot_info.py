"""What a firmware or loader may claim: hostile memory maps and initrds, written into the boot information.

QEMU's PVH information is changed from outside, through the gdb stub, before the kernel's first C++
function reads it. Every case ends at the prompt or in a named error, never in silence.
"""
import contextlib
import re
import struct

import pytest
from shell import Shell
from vitrine_grader.errors import MachineStopped
from vitrine_grader.machine import SECOND, Exit
from vitrine_grader.symbols import SymbolTable

DIRECT = 0xFFFF_8880_0000_0000
OUR_MAP = 48 << 20  # where the changed map is put: RAM, that nothing else uses so early
MIB = 1 << 20
LAST = 2**64 - 1
HEAD = struct.Struct("<IIIIQQQQI")  # magic, version, flags, modules, module list, command line, rsdp, map, entries
USABLE, RESERVED = 1, 2
LOW, RAM = (0, 0x9FC00, USABLE), 0x7EE0000  # of the machine: the second from 1 MiB on

HOSTILE = {
    "overlapping usable entries": [LOW, (0x100000, 64 * MIB, USABLE), (32 * MIB, 0x5FE0000, USABLE), (MIB, MIB, USABLE)],
    "reserved inside usable": [LOW, (0x100000, RAM, USABLE), (80 * MIB + 5, 3, RESERVED)],
    "empty entries": [LOW, (0, 0, USABLE), (0x100000, RAM, USABLE), (64 * MIB, 0, RESERVED), (LAST, 0, USABLE)],
    "entry beyond 2^64": [LOW, (0x100000, RAM, USABLE), (2**63, LAST, USABLE), (LAST - 4095, 8192, USABLE)],
    "usable beyond all RAM": [LOW, (0x100000, RAM, USABLE), (2**52, 2**60, USABLE)],
    "everything reserved at the end": [LOW, (0x100000, RAM, USABLE), (2**40, LAST, RESERVED)],
    "unknown types": [LOW, (0x100000, RAM, USABLE), (60 * MIB, MIB, 20), (62 * MIB, MIB, 2**32 - 1)],
    "shuffled pages": [LOW, *((n * MIB, MIB - (n == 127) * 0x20000, USABLE if n % 2 or n > 40 or n < 8 else 7) for n in range(127, 0, -1))],
    "more than fit": [LOW, (0x100000, RAM, USABLE), *((2**41 + 8192 * n, 4096, RESERVED) for n in range(300))],
    "nothing below 1 MiB": [(0x100000, RAM, USABLE)],
}
HOPELESS = {
    "no entry": ([], "less than 4 MiB of RAM"),
    "nothing usable": ([(0, LAST, RESERVED)], "less than 4 MiB of RAM"),
    "reserved over all": ([(0x100000, 126 * MIB, USABLE), (0, LAST, 99)], "less than 4 MiB of RAM"),
    "no low and no high memory": ([(MIB, 100 * MIB, USABLE), *((MIB * n, 4096, 9) for n in range(1, 127))], "No working init found"),
    "crumbs": ([(8 * MIB + 8192 * n, 4096, USABLE) for n in range(100)], "less than 4 MiB of RAM"),
}


class Pvh:
    """The boot information of a machine that stands before kernel_entry()."""

    def __init__(self, machine, symbols):
        machine.run_to(symbols["kernel_entry"])
        self.gdb = machine.gdb
        self.at = self.gdb.registers()["rsi"]
        self.head = list(HEAD.unpack(self.gdb.read(DIRECT + self.at, HEAD.size)))
        assert self.head[0] == 0x336EC578, "not PVH"

    def set_map(self, entries):
        self.gdb.write(DIRECT + OUR_MAP, b"".join(struct.pack("<QQII", *entry, 0) for entry in entries))
        self.head[7:9] = OUR_MAP, len(entries)
        self.gdb.write(DIRECT + self.at, HEAD.pack(*self.head))

    def set_initrd(self, start, length):
        self.gdb.write(DIRECT + self.head[4], struct.pack("<QQ", start & LAST, length))


def go_on(machine):
    """It may be over before the monitor has answered."""
    with contextlib.suppress(MachineStopped):
        machine.resume()


@pytest.fixture
def pvh(boot, built):
    """`machine, information` of a machine that is about to read it."""
    machine = boot("", paused=True, smp=2)
    return machine, Pvh(machine, SymbolTable(built["elf"]))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_map_boots(pvh, name):
    """The RAM that is surely there is used, the rest is not; programs run."""
    machine, information = pvh
    information.set_map(HOSTILE[name])
    go_on(machine)
    shell = Shell(machine)
    total = int(shell.run("grep MemTotal /proc/meminfo | tr -dc 0-9"))
    assert 0 < total <= 128 * 1024
    processors = 1 if LOW not in HOSTILE[name] else 2
    assert shell.run("grep -c ^processor /proc/cpuinfo") == f"{processors}\n"
    assert shell.run("i=0; while [ $i -lt 20 ]; do sh -c 'echo x'; i=$((i + 1)); done | wc -l") == "20\n"
    assert shell.run("head -c 30000000 /dev/zero | tail -c 30000000 | wc -c") == "30000000\n" or total < 80000


@pytest.mark.parametrize("name", HOPELESS)
def test_hopeless_map_is_named(pvh, name):
    machine, information = pvh
    entries, named = HOPELESS[name]
    information.set_map(entries)
    go_on(machine)
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-1500:]
    said = re.search(r"Kernel panic - not syncing: (.*)", machine.console.text)[1]
    assert named in said, said


@pytest.mark.parametrize("start, length, named", [
    (MIB, 4 * MIB, "the initrd lies over the kernel image"),
    (0, 3 * MIB, "the initrd lies over the kernel image"),
    (LAST - 4095, 2 * MIB, "the memory map cannot be used: EINVAL"),
])
def test_initrd_in_the_way_is_named(pvh, start, length, named):
    machine, information = pvh
    information.set_initrd(start, length)
    go_on(machine)
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-1500:]
    assert named in machine.console.text


@pytest.mark.parametrize("start, length", [
    (0xE000_0000, 4 * MIB), (2**41, MIB), (127 * MIB, 2**40), (2**63, 4096), (100 * MIB, 100 * MIB)])
def test_initrd_that_is_no_ram_is_ignored(pvh, start, length):
    """It is named, and then there is no init."""
    machine, information = pvh
    information.set_initrd(start, length)
    go_on(machine)
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-1500:]
    assert "is not RAM; ignored" in machine.console.text
    assert "No working init found. Tried /init: ENOENT" in machine.console.text
