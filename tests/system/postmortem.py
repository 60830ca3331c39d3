"""What a machine that stands still was doing, for the folder that a failed run keeps.

save() connects gdb to the machine and writes where every processor is, and every task: its state, and
the functions that it sleeps in. It never fails: what gdb could not do is in the text.
"""

from __future__ import annotations

import pathlib
import subprocess

# Runs in gdb. A task that does not run has its stack pointer in arch.rsp; switch_stacks() has pushed
# six registers there, rbp as the fifth, and frame pointers lead on from it.
_SCRIPT = r"""
import gdb

STATES = {0: "R", 1: "S", 2: "D", 4: "T", 8: "t", 16: "Z", 32: "X", 64: "new", 258: "K"}

def word(at):
    return int.from_bytes(gdb.selected_inferior().read_memory(at, 8).tobytes(), "little")

def name_of(at):
    text = gdb.execute(f"info symbol {at:#x}", to_string=True).strip()
    return text.rsplit(" in section", 1)[0]

def callers(task):
    rsp, base = int(task["arch"]["rsp"]), int(task["stack"])
    frame, addresses = word(rsp + 32), [word(rsp + 48)]
    while base <= frame < base + 16384 - 16 and len(addresses) < 24:
        frame, address = word(frame), word(frame + 8)
        addresses.append(address)
    return [name_of(address) for address in addresses]

def show(task):
    state, on_cpu = int(task["state"]["_M_i"]), int(task["on_cpu"]["_M_i"])
    flags = f"{int(task['flags']['_M_i']):#x}"
    print(f"\n{int(task['pid'])} {task['comm'].string()}: {STATES.get(state, state)}, cpu {int(task['cpu']['_M_i'])}, "
          f"on_rq {int(task['on_rq']['_M_i'])}, on_cpu {on_cpu}, waits {task['waits']}, prio {task['prio']}, flags {flags}, "
          f"vruntime {task['se']['vruntime']}")
    if not on_cpu:
        print("   " + "\n   ".join(callers(task)))

pids = gdb.parse_and_eval("'sched::(anonymous namespace)::pids'")
for number in range(1, 32768):
    pid = pids[number]
    if int(pid) != 0 and int(pid["task"]) != 0:
        try:
            show(pid["task"].dereference())
        except gdb.error as why:
            print(f"{number}: {why}")
"""


def save(machine, elf: pathlib.Path, seconds: int = 240) -> None:
    """Writes postmortem.txt into the machine's folder. `elf` has the symbols of its kernel."""
    script = machine.folder / "postmortem.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    command = ["gdb", "-q", "-batch", "-nx", "-ex", "set pagination off", "-ex", f"target remote {machine.folder}/gdb.sock",
               "-ex", "thread apply all bt 24", "-x", str(script), str(elf)]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False)
        text = done.stdout + done.stderr
    except (OSError, subprocess.TimeoutExpired) as why:
        text = f"gdb: {why}"
    (machine.folder / "postmortem.txt").write_text(text, encoding="utf-8")
