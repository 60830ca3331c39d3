"""Task 5: the timer interrupt is acknowledged, runs all that is due, and comes again."""

from __future__ import annotations

import re
import struct

from vitrine_grader.caller import FOLDER
from vitrine_grader.errors import GuestTimeout
from vitrine_grader.failure import Failure, check, check_equal
from vitrine_grader.plugin import points

US, MS = 1000, 1_000_000
TIMER_VECTOR = 0xEC
LATE = {"qemu": 200 * US, "bochs": 5 * MS}  # one interrupt and its work, on an idle machine


def packed(shots) -> bytes:
    """What the probe wants to be told of timers (delay, burn, interval, repeats)."""
    return struct.pack("<I", len(shots)) + b"".join(struct.pack("<QQQI", *shot) for shot in shots)


def fire(probes, shots) -> tuple[int, list[tuple[int, int]]]:
    """Starts timers; interrupts, and the calls in order."""
    answer = probes.ask("trap_timers", packed(shots))
    interrupts, count = struct.unpack_from("<QI", answer)
    return interrupts, list(struct.iter_unpack("<IQ", answer[12 : 12 + 12 * count]))


@points(4, task="5", function="local_timer_interrupt", handout="handouts/02-traps.md, task 5", emulators=["qemu"])
def test_timer_acknowledged(machine, symbols, emu):
    """behind each timer interrupt the local APIC has nothing in service any more"""
    wanted = 16
    shots = [(5 * MS + i * MS, 0, 0, 0) for i in range(wanted)]
    with machine.agent.probing(f"{FOLDER}/trap_timers", packed(shots)):
        machine.pause()
    seen = 0
    for _ in range(400):  # the bytes of the request interrupt as well
        try:
            machine.run_to(symbols["upcall::device_interrupt"], limit_ns=300 * MS)
        except GuestTimeout as late:
            raise Failure("the local timer goes on interrupting", expected=f"{wanted} timers of a millisecond each",
                          observed=f"no interrupt for 0.3 s, after {seen} of the timer") from late  # fmt: skip
        registers = machine.gdb.registers()
        vector = registers["rsi"] & 0xFF
        check_equal(apic_vectors(machine, "ISR"), [vector], "the APIC says that this vector is in service, and no other")
        machine.run_to(struct.unpack("<Q", machine.gdb.read(registers["rsp"], 8))[0], limit_ns=300 * MS)
        check_equal(apic_vectors(machine, "ISR"), [], "after the handler nothing is in service")
        seen += vector == TIMER_VECTOR
        if seen == wanted:
            return
    raise Failure("the local timer goes on interrupting", observed=f"400 interrupts, {seen} of them the timer's")


def apic_vectors(machine, name: str) -> list[int]:
    """Vectors whose bit is set in ISR or IRR of processor 0."""
    text = re.search(rf"^{name}\s+(.*)$", machine._human("info lapic 0"), re.MULTILINE)
    return [int(number) for number in re.findall(r"\b(\d+)(?:\(level\))?", text[1])] if text else []


@points(7, task="5", function="HrTimerCpuBase::run_queues, run_round", handout="handouts/02-traps.md, task 5")
def test_timer_expired(through_agent, rng, emu):
    """every timer is called once, in the order of their times, never early; those of one moment together"""
    for count in (1, 2, 8, 32):
        shots = [(rng.randrange(100 * US, 20 * MS), 0, 0, 0) for _ in range(count)]
        _, calls = fire(through_agent, shots)
        wanted = sorted(range(count), key=lambda i: shots[i][0])
        check_equal([shot for shot, _ in calls], wanted, f"{count} timers go off in the order of their times")
        for shot, at in calls:
            late = at - shots[shot][0]
            check(0 <= late < LATE[emu] * (1 + count // 8), "a timer goes off at its time, never early",
                  expected=f"{shots[shot][0]} ns and a little", observed=f"{at} ns")  # fmt: skip
    moment = rng.randrange(5 * MS, 10 * MS)
    interrupts, calls = fire(through_agent, [(moment, 0, 0, 0)] * 24)
    check_equal(len(calls), 24, "24 timers of one moment are all called")
    check(interrupts <= 6, "one interrupt runs everything that is due", expected="1 (and the tick's)", observed=interrupts)


@points(5, task="5", function="HrTimerCpuBase::run_round, interrupt", handout="handouts/02-traps.md, task 5",
        requires=["test_timer_expired"])  # fmt: skip
def test_timer_rearmed(through_agent, rng, emu):
    """timers that are called again and again keep their times; what falls due meanwhile is not forgotten"""
    interval, repeats = rng.randrange(MS, 2 * MS), rng.randrange(20, 40)
    other = rng.randrange(10 * MS, 15 * MS)
    _, calls = fire(through_agent, [(interval, 0, interval, repeats), (other, 0, 0, 0)])
    mine = [at for shot, at in calls if shot == 0]
    check_equal(len(mine), repeats + 1, "a periodic timer is called again each time")
    for n, at in enumerate(mine, 1):
        check(0 <= at - n * interval < LATE[emu], f"call {n} of a periodic timer is on time", expected=n * interval, observed=at)
    check_equal([shot for shot, _ in calls].count(1), 1, "and a timer between is called once")
    burn = rng.randrange(200, 400) * US  # the next is due before the first has come back
    shots = [(2 * MS, burn, 0, 0), (2 * MS + 50 * US, 0, 0, 0), (2 * MS + burn - 20 * US, 0, 0, 0), (60 * MS, 0, 0, 0)]
    _, calls = fire(through_agent, shots)
    check_equal([shot for shot, _ in calls], [0, 1, 2, 3], "what falls due while callbacks run goes off as well")
    check(calls[2][1] - shots[0][0] - burn < LATE[emu], "and at once",
          expected="right behind the slow callback", observed=calls[2][1])  # fmt: skip
    chain = [(2 * MS + i * 60 * US, 100 * US, 0, 0) for i in range(8)]  # more than the rounds of one interrupt
    _, calls = fire(through_agent, chain)
    check_equal([shot for shot, _ in calls], list(range(8)), "timers that are always late are all called in the end")
