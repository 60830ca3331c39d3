"""All tasks together: the kernel boots as far as a user program, judged from outside."""

from __future__ import annotations

import struct

import memory_map
import multiboot
import outside
import printf
import test_gdt
import test_memory
import test_multiboot2
import test_pagetable
import test_printk

from vitrine_grader import paging
from vitrine_grader.errors import GuestTimeout
from vitrine_grader.failure import Failure, check, check_equal
from vitrine_grader.plugin import points

SYSCALL = b"\x0f\x05"


def find_system_call(machine, entry: int, segments) -> tuple[int, int, list]:
    """Where a system call came from, its CR3, and the program's segment that it lies in, if any."""
    for _ in range(8):
        try:
            machine.run_to(entry, limit_ns=300_000_000)
        except GuestTimeout as late:
            raise Failure("the agent makes system calls when it is spoken to",
                          observed="no system call at all; something else answers on its line") from late  # fmt: skip
        registers = machine.registers()
        place, cr3 = registers["rcx"], registers["cr3"]
        known = [(start, data) for start, data in segments if start <= place - 2 and place <= start + len(data)]
        if known and known[0][1][place - 2 - known[0][0] :][:2] == SYSCALL:
            return place, cr3, known
        machine.resume()
    return place, cr3, []


@points(8, function="the first hole that the console names", handout="handouts/01-boot.md, tasks 1 to 7")
def test_boot_user_program(boot, symbols, request, emu):
    """the kernel runs /sbin/agent: the code that makes system calls is that of the program"""
    machine = boot()
    machine.agent.ping()
    segments = outside.program(request.config.getoption("initrd"), "sbin/agent")
    machine.pause()
    machine.agent.nudge()
    place, cr3, known = find_system_call(machine, symbols["syscall_entry"], segments)
    check(known, "a system call comes from the code of /sbin/agent", observed=f"one came from {place:#x}")
    start, data = known[0]
    page = max(start, place - 2 & -4096)
    expected = data[page - start :][: 4096 - (page & 4095)]
    check_equal(machine.read_virt(page, len(expected), cr3), expected, "the page that runs is the program's own")
    rights = paging.translate(machine.read_phys, cr3, page)
    check(rights.user and rights.executable and not rights.writable, "and is mapped for users, to be executed", observed=rights)
    machine.resume()
    machine.agent.ping()
    counters = machine.agent.counters
    check_equal((counters.forged, counters.conflicts), (0, 0), "nobody but the agent speaks on its line")


@points(2, task="3", function="collect_ram", handout="handouts/01-boot.md, task 3", requires=["test_boot_user_program"], emulators=["qemu"])
def test_memory_total(boot, symbols, rng, emu):
    """MemTotal in /proc/meminfo is the RAM of the machine, less what the kernel keeps for itself"""
    mem = rng.randrange(72, 400)
    machine = boot(paused=True, mem=mem)
    machine.run_to(symbols["kernel_entry"], limit_ns=20_000_000_000)
    ram = sum(end - start for start, end in memory_map.ram_of(outside.firmware_map(machine)))
    machine.resume()
    lines = machine.agent.read_file("/proc/meminfo").decode(errors="replace").splitlines()
    total = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")), 0)
    kept = ram - total
    check(0 < kept < (12 << 20) + ram // 32, f"of {ram} bytes of RAM the kernel keeps at most 12 MiB and 1/32",
          expected=f"MemTotal of nearly {ram // 1024} KiB", observed=f"{total // 1024} KiB")  # fmt: skip


@points(4, function="see the failing check", handout="handouts/01-boot.md, tasks 1 to 7", requires=["test_boot_user_program"])
def test_boot_probes(through_agent, rng, emu):
    """the running kernel still answers: one question to each part of the lab"""
    for _ in range(5):
        test_printk.check_text(through_agent, *printf.draw_number(rng))
        test_printk.check_text(through_agent, *printf.draw_text(rng))
    for _ in range(3):
        test_memory.check_map(through_agent, memory_map.draw(rng))
        test_multiboot2.check_block(through_agent, *multiboot.draw(rng), "a drawn block")
        mappings = test_pagetable.draw(rng)
        test_pagetable.check_leaves(test_pagetable.ask(through_agent, test_pagetable.MAX_FRAMES, mappings), mappings)
        base, limit = rng.getrandbits(64), rng.getrandbits(20)
        answer = through_agent.ask("boot_descriptors", struct.pack("<BBQI", 0x9A, 0xA, base, limit))
        check_equal(struct.unpack("<QQQ", answer)[1:], test_gdt.tss_descriptor(base, limit), "tss_descriptor()")
