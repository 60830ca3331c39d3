"""Runs a command in the guest with trace points on, and brings back what they recorded.

Everything from switching on to switching off is one program in the guest, so that the records hold
the command and nothing of the agent, and a clock that leaps while nobody has anything to do
(-icount sleep=off) leaps before and after.
"""

from __future__ import annotations

import dataclasses

from ..agent import Agent
from ..errors import AgentError, GuestFault
from .records import Event, Record, decode, parse_format

TRACING = "/sys/kernel/tracing"
SECOND = 1_000_000_000
_SCRIPT = f"""echo 1 > {TRACING}/tracing_on
sh -c "$1"
status=$?
echo 0 > {TRACING}/tracing_on
exit $status"""


class TraceError(Exception):
    """The user asked for what is not there."""


@dataclasses.dataclass
class Capture:
    """What was recorded: raw streams by processor, and what is needed to read them."""

    events: dict[int, Event]
    raw: dict[int, bytes]
    lost: dict[int, int]
    text: str = ""  # tracefs' own `trace`
    output: str = ""
    ended: str = ""

    def records(self) -> list[Record]:
        """All of them, by time; those of one processor in their order."""
        found = [record for cpu, raw in self.raw.items() for record in decode(cpu, raw, self.events)]
        return sorted(found, key=lambda record: record.time_ns)


def read_events(agent: Agent) -> dict[int, Event]:
    """The schema of every event, by number."""
    names = agent.read_file(f"{TRACING}/available_events").decode().split()
    events = {}
    for system, name in (line.split(":") for line in names):
        event = parse_format(system, agent.read_file(f"{TRACING}/events/{system}/{name}/format").decode())
        if event.id in events:
            raise GuestFault(f"{event.name} and {events[event.id].name} have the same number")
        events[event.id] = event
    return events


def _switch(agent: Agent, name: str, value: str) -> None:
    agent.write_file(f"{TRACING}/{name}", value.encode())


def select(agent: Agent, patterns: list[str]) -> None:
    """Switches on exactly these events."""
    _switch(agent, "set_event", "\n")
    for pattern in patterns:
        try:
            _switch(agent, "set_event", pattern)
        except AgentError as error:
            known = agent.read_file(f"{TRACING}/available_events").decode().split()
            raise TraceError(f"no event matches {pattern!r}; there are:\n  " + "\n  ".join(known)) from error


def read_stream(agent: Agent, path: str, limit_ns: int = 600 * SECOND) -> bytes:
    """A file that is read to its end in the guest, whatever its size."""
    job, _ = agent.start(["/bin/cat", path], limit_ns=limit_ns, back_pressure=True)
    data, errors = bytearray(), bytearray()
    while True:
        report = agent.job(job, wait_ns=SECOND, limit_ns=limit_ns)
        data += report.out
        errors += report.err
        if report.done:
            break
    if report.wait_status != 0 or report.timed_out:
        raise GuestFault(f"reading {path}: {errors.decode(errors='replace').strip() or 'failed'}")
    return bytes(data)


def run(agent: Agent, patterns: list[str], command: str, seconds: float, with_text: bool = False) -> Capture:
    """Records `command` (for the guest's sh), which is ended after `seconds` of guest time."""
    events = read_events(agent)
    _switch(agent, "tracing_on", "0")
    select(agent, patterns)
    _switch(agent, "trace", "\n")  # empties the rings
    done = agent.run(["/bin/sh", "-c", _SCRIPT, "trace", command], limit_ns=int(seconds * SECOND))
    _switch(agent, "tracing_on", "0")
    output = (done.stdout + done.stderr).decode(errors="replace")
    capture = Capture(events, {}, {}, output=output, ended=done.describe())
    if with_text:
        capture.text = read_stream(agent, f"{TRACING}/trace").decode(errors="replace")
    cpus = sorted(int(name[3:]) for name in agent.list_dir(f"{TRACING}/per_cpu") if name.startswith("cpu"))
    for cpu in cpus:
        folder = f"{TRACING}/per_cpu/cpu{cpu}"
        capture.raw[cpu] = read_stream(agent, f"{folder}/trace_pipe_raw")
        stats = dict(line.split(": ") for line in agent.read_file(f"{folder}/stats").decode().splitlines())
        capture.lost[cpu] = int(stats["overrun"])
    return capture
