"""Task 2: what an exception means, asked directly, and raised by programs."""

from __future__ import annotations

import struct

from programs import Signal

from vitrine_grader.failure import check_equal
from vitrine_grader.plugin import points

SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV = 4, 5, 7, 8, 11
KERNEL = 0x80  # SI_KERNEL
WITH_ERROR_CODE = (8, 10, 11, 12, 13, 17, 21)
# vector: signal, si_code, whether si_addr is the instruction's
MEANING = {
    0: (SIGFPE, 1, True), 2: (SIGSEGV, KERNEL, False), 3: (SIGTRAP, KERNEL, False), 4: (SIGSEGV, KERNEL, False),
    5: (SIGSEGV, KERNEL, False), 6: (SIGILL, 2, True), 7: (SIGSEGV, KERNEL, False), 8: (SIGSEGV, KERNEL, False),
    9: (SIGFPE, KERNEL, False), 10: (SIGSEGV, KERNEL, False), 11: (SIGBUS, KERNEL, False),
    12: (SIGBUS, KERNEL, False), 13: (SIGSEGV, KERNEL, False), 15: (SIGSEGV, KERNEL, False), 17: (SIGBUS, 1, False),
    18: (SIGBUS, KERNEL, False), 20: (SIGSEGV, KERNEL, False), 21: (SIGSEGV, KERNEL, False),
    29: (SIGSEGV, KERNEL, False), 31: (SIGSEGV, KERNEL, False),
}  # fmt: skip


@points(8, task="2", function="meaning_of, describe_exception", handout="handouts/02-traps.md, task 2", emulators=["qemu"])
def test_exception_signals(direct, rng, emu):
    """each vector is the right signal, with the right reason, place, number and error code"""
    for vector in rng.sample(sorted(MEANING), len(MEANING)):
        signal, code, has_address = MEANING[vector]
        rip = rng.getrandbits(47)
        error = rng.getrandbits(16) if vector in WITH_ERROR_CODE else (1 << 64) - 1
        answer = struct.unpack("<iiQQQ", direct.ask("trap_exception", struct.pack("<IQQ", vector, rip, error)))
        wanted = (signal, code, rip if has_address else 0, vector, error if vector in WITH_ERROR_CODE else 0)
        for name, expected, found in zip(("signal", "si_code", "si_addr", "trapno", "error code"), wanted, answer):
            check_equal(found, expected, f"the {name} of exception {vector} at {rip:#x}")
    answer = struct.unpack("<iiQQQ", direct.ask("trap_exception", struct.pack("<IQQ", 1, 0x1234, (1 << 64) - 1)))
    check_equal(answer[:4], (SIGTRAP, 1, 0x1234, 1), "a debug exception that DR6 does not explain is TRAP_BRKPT, at rip")


# Name, machine code, signal, si_code, offset of rip, offset of si_addr (None: 0), trapno, error code.
CODE = [
    ("div by zero", "31c9f7f1", SIGFPE, 1, 2, 2, 0, 0),
    ("ud2", "900f0b", SIGILL, 2, 1, 1, 6, 0),
    ("int3", "9090cc", SIGTRAP, KERNEL, 3, None, 3, 0),
    ("hlt", "90f4", SIGSEGV, KERNEL, 1, None, 13, 0),
    ("int $0x21", "cd21", SIGSEGV, KERNEL, 0, None, 13, 0x21),
    ("int $14", "cd0e", SIGSEGV, KERNEL, 0, None, 13, 14),
    ("int $4", "cd04", SIGSEGV, KERNEL, 2, None, 4, 0),
    ("load from a non-canonical address", "48b80000000000008000488b00", SIGSEGV, KERNEL, 10, None, 13, 0),
    ("x87: 1/0 unmasked", "dbe36a00d92c24d9e8d9eedef99b", SIGFPE, 3, None, None, 16, 0),
]  # fmt: skip
# QEMU's processors do not know int1, check no alignment, do not interrupt for SSE,
# and take a stack that is nowhere for a general protection fault.
ONLY_ON_BOCHS = [
    ("push to a non-canonical stack", "48bc000000000000800050", SIGBUS, KERNEL, 10, None, 12, 0),
    ("int1", "90f1", SIGTRAP, 1, 2, 2, 1, 0),
    ("unaligned access with AC set", "9c810c24000004009d8b442401", SIGBUS, 1, 9, None, 17, 0),
    ("SSE: 1/0 unmasked", "680000803ff30f100424660fefc96a000fae1424f30f5ec1", SIGFPE, 3, 20, 20, 19, 0),
]
# INT to a gate that a program may not use: the error code names it. QEMU counts in halves of a gate.
PER_GATE = {"qemu": 16, "bochs": 8}


def check_signal(found: Signal, page: int, name: str, text: str, wanted) -> None:
    signal, code, rip, address, trap, error = wanted
    at = page + 4096 - len(bytes.fromhex(text))
    check_equal(found.number, signal, f"`{name}` is a signal to the program: which")
    check_equal(found.trap, trap, f"`{name}`: trapno")
    check_equal(found.error, error, f"`{name}`: error code (err in the frame)")
    if code is not None:
        check_equal(found.code, code, f"`{name}`: si_code")
    if rip is not None:
        check_equal(found.rip, at + rip, f"`{name}`: the handler finds rip")
        check_equal(found.address, 0 if address is None else at + address, f"`{name}`: si_addr")
    else:
        check_equal(found.address, found.rip, f"`{name}`: si_addr is the instruction")


@points(10, task="2", function="handle_exception", handout="handouts/02-traps.md, task 2")
def test_exception_programs(tool, rng, emu):
    """programs that raise exceptions get their signals, and everybody else goes on"""
    for name, text, *wanted in rng.sample(CODE, len(CODE)) + (ONLY_ON_BOCHS if emu == "bochs" else []):
        page = rng.randrange(1 << 24, 1 << 34) << 12
        if text.startswith("cd") and wanted[-1]:
            wanted[-1] = wanted[-1] * PER_GATE[emu] + 2
        check_signal(tool.execute(page, bytes.fromhex(text)), page, name, text, wanted)
    page, target = (rng.randrange(1 << 24, 1 << 34) << 12 for _ in range(2))
    load = bytes.fromhex("48b8") + struct.pack("<Q", target + 0x123) + bytes.fromhex("c60001")
    found = tool.execute(page, load)
    check_equal((found.number, found.code, found.address, found.trap, found.error), (SIGSEGV, 1, target + 0x123, 14, 6),
                "a write to a page that is not there is SIGSEGV, SEGV_MAPERR, at that address")  # fmt: skip
    check_equal(tool.execute(page, b"\xc3").number, 0, "a program that does nothing wrong gets no signal")
