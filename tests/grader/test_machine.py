"""The two drivers against a tiny kernel: everything of Machine, on both emulators alike."""

from __future__ import annotations

import subprocess
import time

import pytest
from conftest import ROOT
from elftools.elf.elffile import ELFFile

from vitrine_grader import newc, sandbox
from vitrine_grader.bochs import Bochs
from vitrine_grader.errors import GuestTimeout, MachineStopped
from vitrine_grader.machine import SECOND, Config, Exit
from vitrine_grader.qemu import Qemu

DRIVERS = {"qemu": Qemu, "bochs": Bochs}
QUIT = {Qemu: Exit.SUCCESS, Bochs: Exit.SHUTDOWN}  # what the test kernel's `q` looks like
FLAGS = """-ffreestanding -nostdlib -fno-pic -no-pie -mno-red-zone -mgeneral-regs-only -O1 -Wall -Wextra
    -Werror -fno-asynchronous-unwind-tables -fcf-protection=none -Wl,--no-warn-rwx-segments
    -Wl,-z,noexecstack -Wl,--build-id=none""".split()


@pytest.fixture(scope="session")
def kernel(tmp_path_factory):
    """The test kernel, built."""
    source, out = ROOT / "tests/grader/kernel", tmp_path_factory.mktemp("kernel") / "kernel.elf"
    files = [source / "boot.S", source / "kernel.c"]
    subprocess.run(["gcc", *FLAGS, "-T", source / "kernel.ld", "-o", out, *files], check=True)
    return out


def symbol(kernel, name: str) -> int:
    with open(kernel, "rb") as file:
        return ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)[0]["st_value"]


@pytest.fixture(params=["qemu", "bochs"])
def driver(request):
    return DRIVERS[request.param]


def config(kernel, **kw) -> Config:
    return Config(kernel=kernel, cmdline="console=ttyS0 word", **kw)


def test_console_and_command_line(driver, kernel):
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel: (pvh|multiboot2)\n")
        machine.console.send("c")
        assert b"word" in machine.console.expect(".*word.*\n")[0]
        machine.console.send("q")
        assert machine.wait_exit() is QUIT[driver]


@pytest.mark.parametrize("letter,reason", [("t", Exit.TRIPLE_FAULT), ("q", None)])
def test_exit_reasons(driver, kernel, letter, reason):
    reason = reason or QUIT[driver]
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        machine.console.send(letter)
        with pytest.raises(MachineStopped) as stopped:
            machine.console.expect("never printed")
        assert stopped.value.exit is reason and machine.exit is reason


def test_second_line_is_eight_bit_clean(driver, kernel):
    data = bytes(range(256)) * 12
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        for at in range(0, len(data), 512):
            machine.line.send(data[at : at + 512])
            while machine.line.position < at + 512:
                assert machine.line.wait_beyond(machine.line.position, 20)
        assert machine.line.since(0) == data


def test_state_from_outside(driver, kernel):
    address = symbol(kernel, "marker")
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        machine.pause()
        text = b"vitrine test kernel marker 0001\0"
        assert machine.read_phys(address, 32) == text
        assert machine.read_virt(0xFFFFFFFF80000000 + address, 32) == text
        with pytest.raises(LookupError):
            machine.read_virt(0xFFFF888000000000, 8)
        registers = machine.registers()
        assert registers["r15"] == 0x5EED and registers["cr3"] == symbol(kernel, "pml4")
        assert registers["efer"] & 0x500 == 0x500 and registers["cr0"] >> 31
        before = machine.virtual_ns()
        time.sleep(0.05)
        assert machine.virtual_ns() == before
        machine.resume()
        machine.console.send("eX")
        machine.console.expect("eX")
        assert machine.virtual_ns() > before


def test_run_to_a_symbol(driver, kernel):
    place = symbol(kernel, "kernel_main")
    with driver(config(kernel, paused=True)) as machine:
        machine.run_to(place)
        assert machine.registers()["rip"] == place
        assert b"test kernel" not in machine.line.since(0)
        machine.resume()
        machine.console.expect("test kernel")


def test_a_limit_is_guest_time(driver, kernel):
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        machine.console.send("s")
        before = machine.virtual_ns()
        with pytest.raises(GuestTimeout, match="not within"):
            machine.console.expect("never", limit_ns=SECOND // 5)
        assert machine.virtual_ns() - before >= SECOND // 5


@pytest.mark.parametrize("letter", ["h", "p"])
def test_a_dead_halt_is_known_at_once(driver, kernel, letter):
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        machine.console.send(letter)
        with pytest.raises(GuestTimeout, match="halted with interrupts off"):
            machine.console.expect("never", limit_ns=10_000 * SECOND)


def test_bochs_counts_exactly(kernel):
    place, counts = symbol(kernel, "kernel_main"), set()
    for _ in range(2):
        with Bochs(config(kernel, paused=True)) as machine:
            machine.run_to(place)
            counts.add(machine.ticks())
    assert len(counts) == 1


def test_bochs_does_not_log_that_it_was_stopped(kernel):
    """Its handler of Ctrl-C would wait for ever for the log's lock, came the signal amid another line."""
    with Bochs(config(kernel)) as machine:
        machine.console.expect("test kernel")
        for _ in range(5):
            machine.pause()
            machine.resume()
        assert "Ctrl-C" not in (machine.folder / "bochs.log").read_text(errors="replace")


def test_the_clock_does_not_wrap(kernel):
    with Qemu(config(kernel)) as machine:
        machine.console.expect("test kernel")
        machine.console.send("h")  # idle guests run far ahead of the wall
        last, deadline = 0, time.monotonic() + 20
        while last < 12 * SECOND and time.monotonic() < deadline:
            now = machine.virtual_ns()
            assert last <= now
            last = now
            time.sleep(0.02)
        assert last >= 12 * SECOND


@pytest.mark.skipif(bool(sandbox.why_unusable()), reason="no bubblewrap")
def test_inside_the_sandbox(driver, kernel):
    with driver(config(kernel, sandbox=sandbox.require())) as machine:
        machine.console.expect("test kernel")
        machine.line.send(b"over the fence")
        assert machine.line.wait_beyond(0, 20)
        machine.pause()
        assert machine.read_phys(symbol(kernel, "marker"), 7) == b"vitrine"
        machine.resume()
        machine.console.send("q")
        assert machine.wait_exit() is QUIT[driver]


def test_two_at_once_do_not_meet(driver, kernel):
    with driver(config(kernel)) as one, driver(config(kernel)) as two:
        for machine, text in ((one, b"e1"), (two, b"e2")):
            machine.console.expect("test kernel")
            machine.console.send(text)
        assert one.console.expect("e.")[0] == b"e1"
        assert two.console.expect("e.")[0] == b"e2"


def test_nothing_is_left_behind(driver, kernel):
    with driver(config(kernel)) as machine:
        machine.console.expect("test kernel")
        folder, process = machine.folder, machine._process
    assert not folder.exists() and process.poll() is not None


def test_newc_is_what_cpio_reads(tmp_path):
    base = newc.archive({"sbin/x": b"abc"})
    data = newc.append_file(base, "etc/agent.key", b"k" * 33)
    assert len(data) % 4 == 0
    for part in (base, data[len(base) :]):
        done = subprocess.run(["cpio", "-t"], input=part, capture_output=True)
        assert done.returncode == 0, done.stderr
    done = subprocess.run(["cpio", "-i", "--to-stdout", "etc/agent.key"], input=data[len(base) :], capture_output=True)
    assert done.stdout == b"k" * 33
