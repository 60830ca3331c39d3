"""Trace points at boot, in a panic, switched by hand; and what one costs that is off."""
import re
import subprocess

import pytest

from traced import BUILD, machine
from vitrine_grader.machine import Exit
from vitrine_grader.trace.capture import read_stream

TRACING = "/sys/kernel/tracing"
NAMED = {"sched:sched_switch", "sched:sched_wakeup", "sched:sched_migrate_task", "sched:sched_stat_runtime",
         "raw_syscalls:sys_enter", "raw_syscalls:sys_exit",
         "exceptions:page_fault_user", "irq:irq_handler_entry", "kmem:mm_page_alloc", "kmem:kmem_cache_alloc"}


@pytest.fixture(scope="module")
def agent():
    with machine("quiet") as guest:
        yield guest.agent


def shell(agent, script):
    done = agent.run(["/bin/sh", "-c", f"cd {TRACING}; {script}"])
    return done.stdout.decode(), done


def test_the_trace_points_of_the_issue_exist(agent):
    assert NAMED <= set(agent.read_file(f"{TRACING}/available_events").decode().split())


def test_switches_agree(agent):
    said, _ = shell(agent, "echo sched:sched_switch > set_event; cat set_event events/sched/sched_switch/enable "
                           "events/sched/enable events/enable; echo 1 > events/sched/enable; grep -c sched: set_event; "
                           "cat events/sched/enable; echo '!sched:*' > set_event; cat events/enable")
    lines = said.split()
    assert lines[:4] == ["sched:sched_switch", "1", "X", "X"]
    assert int(lines[4]) >= 2 and lines[5:] == ["1", "0"]


def test_pages_and_objects(agent):
    said, _ = shell(agent, "echo > trace; echo 'mm_page_alloc kmem_cache_alloc' > set_event; (exit 0); "
                           "echo > set_event; cat trace; echo > trace")
    allocs = re.findall(r"mm_page_alloc: pfn=(\d+) order=(\d+) gfp_flags=0x[0-9a-f]+$", said, re.MULTILINE)
    assert len(allocs) > 5 and all(0 < int(pfn) < 1 << 20 and int(order) < 11 for pfn, order in allocs)
    caches = re.findall(r"kmem_cache_alloc: name=(\S+) ptr=(0x[0-9a-f]+) bytes_req=(\d+) bytes_alloc=(\d+)", said)
    assert any("task" in name for name, *_ in caches), "a fork makes a task"
    assert all(int(ptr, 16) >= 0xffff888000000000 and 0 < int(req) <= int(size) for _, ptr, req, size in caches)


def test_interrupts_name_their_handlers(agent):
    """The agent's own line interrupts for every request that it gets."""
    shell(agent, "echo > trace; echo irq_handler_entry > set_event")
    agent.ping()
    said, _ = shell(agent, "echo > set_event; cat trace; echo > trace")
    assert re.search(r"\[\d+\] dh .*irq_handler_entry: irq=3 name=ttyS1$", said, re.MULTILINE), said


def test_reading_trace_takes_nothing_and_trace_pipe_all(agent):
    said, _ = shell(agent, "echo > trace; echo sys_enter > set_event; (exit 0); echo 0 > tracing_on; echo > set_event; "
                           "grep -vc ^# trace; grep -vc ^# trace; cat trace_pipe | wc -l; cat trace_pipe | wc -l; "
                           "cat per_cpu/cpu0/trace_pipe_raw | wc -c; echo 1 > tracing_on")
    first, second, taken, left, raw = map(int, said.split())
    assert first == second == taken > 5 and left == raw == 0


def test_an_unknown_name_is_refused(agent):
    _, done = shell(agent, "echo nonsense > set_event")
    assert done.exit_code != 0 and b"Invalid argument" in done.stderr
    _, done = shell(agent, "echo 2 > tracing_on")
    assert done.exit_code != 0


def test_trace_at_boot():
    with machine("trace=sched_switch,nonsense,sys_enter") as guest:
        text = read_stream(guest.agent, f"{TRACING}/trace").decode()
        switched_on = guest.agent.read_file(f"{TRACING}/set_event").decode().split()
        assert sorted(switched_on) == ["raw_syscalls:sys_enter", "sched:sched_switch"]
        assert "trace=: there is no event nonsense" in guest.console.text
        assert "sys_enter" in text and "sched_switch" in text


def test_a_panic_shows_the_last_records():
    with machine("trace=*:*", initrd=None, key=None) as guest:
        assert guest.wait_exit() is Exit.PANIC
        text = guest.console.text
    tail = text.partition("Last trace records, newest first:")[2].partition("---[ end Kernel panic")[0]
    shown = [re.search(r"\[\d{3}\] [d.][h.] +(\d+\.\d{6}): \w+:", line) for line in tail.splitlines()[1:-1]]
    assert len(shown) == 32 and all(shown)
    times = [float(match[1]) for match in shown]
    assert times == sorted(times, reverse=True)


def test_off_a_trace_point_costs_a_load_and_a_branch():
    """In the kernel's code: every look at an event's switch is a load, a test and a jump."""
    elf = BUILD / "kernel/vitrine.elf"
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True).stdout
    names = subprocess.run(["nm", elf], capture_output=True, text=True, check=True).stdout
    events = set(re.findall(r" (_ZN\w+5eventE)$", names, re.MULTILINE))
    assert len(events) >= len(NAMED)
    lines, seen = code.splitlines(), set()
    for number, line in enumerate(lines):
        match = re.search(r"\tmovzbl 0x[0-9a-f]+\(%rip\),%(e\w+) +# [0-9a-f]+ <(_ZN\w+5eventE)\+0x22>", line)
        if not match or match[2] not in events:
            continue
        seen.add(match[2])
        following = [text.split("\t")[1].split()[0] for text in lines[number + 1:number + 6] if "\t" in text]
        test = next(n for n, mnemonic in enumerate(following) if mnemonic == "test")
        assert set(following[:test]) <= {"mov", "movabs", "lea", "add", "xor", "movzbl"}, lines[number:number + 6]
        jump = next(mnemonic for mnemonic in following[test + 1:] if mnemonic.startswith("j"))
        assert jump in ("jne", "je"), lines[number:number + 6]
    assert seen == events, f"without a place in the code: {sorted(events - seen)}"
