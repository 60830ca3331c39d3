"""Task 6: softirqs run in order, in passes, with interrupts on, and not for ever."""

from __future__ import annotations

import struct

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

FIRST, KINDS = 2, 4  # NET_TX, NET_RX, BLOCK, IRQ_POLL, which nobody else uses
IRQS_ON, SERVING, HARDIRQ, STILL_RAISED, ELSEWHERE = 1, 2, 4, 8, 16
MOST_PASSES = 10


def run(probes, mask: int, script) -> tuple[list[tuple[int, int]], int]:
    """(number, flags) of each call, and the flags behind local_bh_enable()."""
    answer = probes.ask("trap_softirqs", bytes([mask, *script]))
    (count,) = struct.unpack_from("<I", answer)
    return list(struct.iter_unpack("<BB", answer[4 : 4 + 2 * count])), answer[4 + 2 * count]


def model(mask: int, script) -> list[tuple[int, bool]]:
    """Each pass takes all that is raised, the lower first; what is raised meanwhile is the next pass'.

    (number, whether it is raised again when it begins) of each call.
    """
    order, at = [], 0
    while mask:
        now, mask = mask, 0
        for i in range(KINDS):
            if now >> i & 1:
                order.append((FIRST + i, bool(mask >> i & 1)))
                mask |= script[at] if at < len(script) else 0
                at += 1
    return order


def check_run(probes, mask: int, script) -> list[tuple[int, int]]:
    calls, after = run(probes, mask, script)
    what = f"raised {mask:#06b}, then by each call {', '.join(f'{m:#06b}' for m in script[:12])} ..."
    expected = model(mask, script)
    check_equal([number for number, _ in calls], [number for number, _ in expected], f"the order of the calls; {what}")
    for (number, flags), (_, again) in zip(calls, expected):
        check(flags & IRQS_ON, f"softirq {number} runs with interrupts on")
        check(flags & SERVING and not flags & HARDIRQ, f"softirq {number} runs in softirq context")
        check_equal(bool(flags & STILL_RAISED), again, f"softirq {number} is still raised when it begins; {what}")
    check_equal(after, IRQS_ON, "afterwards interrupts are on and no softirq is served")
    return calls


@points(8, task="6", function="run_pending", handout="handouts/02-traps.md, task 6")
def test_softirq_order(through_agent, rng, emu):
    """every raised softirq runs once, lower numbers first; what is raised meanwhile comes in the next pass"""
    for mask in range(1, 16):
        check_run(through_agent, mask, ())
    for own in range(KINDS):
        check_run(through_agent, 1 << own, [1 << own])  # raises itself, once
    for _ in range(12 if emu == "qemu" else 4):
        script = [rng.choice([0, 0, 1, 2, 4, 8, 3, 9, 15]) for _ in range(rng.randrange(1, 6))]
        check_run(through_agent, rng.randrange(1, 16), script)


@points(6, task="6", function="run_pending", handout="handouts/02-traps.md, task 6", requires=["test_softirq_order"])
def test_softirq_storm(through_agent, rng, emu):
    """a softirq that raises itself again and again leaves room for others, and is done by ksoftirqd"""
    here = []
    for _ in range(4):
        own = 1 << rng.randrange(KINDS)
        length = rng.randrange(100, 300)
        calls = check_run(through_agent, own, [own] * length)
        here.append(sum(not flags & ELSEWHERE for _, flags in calls))
        check_equal(len(calls), length + 1, "ksoftirqd does the rest")
    # An interrupt that comes right behind the last pass makes passes of its own; not each time.
    check(1 <= min(here) <= MOST_PASSES, f"whoever comes by makes {MOST_PASSES} passes at most", observed=here)
    script = [rng.randrange(16) for _ in range(60)]
    check_run(through_agent, 15, script)
