"""Chrome's trace JSON, which speedscope and Perfetto show: read from the CTF trace with babeltrace2.

Processors are rows with the task that runs; tasks are rows with their system calls; everything else
is an instant on its task's row.
"""

from __future__ import annotations

import json
import pathlib

CPUS, TASKS = 0, 1  # Chrome's "processes"


def _messages(trace: pathlib.Path):
    import bt2  # only here: the rest works without it

    for message in bt2.TraceCollectionMessageIterator(str(trace)):
        if type(message) is bt2._EventMessageConst:
            event = message.event
            payload = {} if event.payload_field is None else event.payload_field
            values = {name: _plain(value) for name, value in payload.items()}
            cpu = int(event.packet.context_field["cpu_id"])
            pid = int(event.common_context_field["pid"])
            yield message.default_clock_snapshot.value, cpu, pid, event.name, values


def _plain(value) -> int | str:
    return str(value) if hasattr(value, "capitalize") or type(value).__name__.startswith("_String") else int(value)


class _Rows:
    """Builds the list of Chrome's events; open slices are kept by row."""

    def __init__(self):
        self.out: list[dict] = []
        self._open: dict[tuple[int, int], tuple[str, int, dict]] = {}

    def begin(self, row: tuple[int, int], name: str, time_ns: int, values: dict) -> None:
        self._open[row] = (name, time_ns, values)

    def end(self, row: tuple[int, int], time_ns: int, values: dict) -> None:
        if row in self._open:
            name, start, before = self._open.pop(row)
            self._add("X", row, name, start, {**before, **values}, dur=(time_ns - start) / 1000)

    def instant(self, row: tuple[int, int], name: str, time_ns: int, values: dict) -> None:
        self._add("i", row, name, time_ns, values, s="t")

    def title(self, row: tuple[int, int], name: str) -> None:
        self.out.append({"ph": "M", "pid": row[0], "tid": row[1], "name": "thread_name", "args": {"name": name}})

    def _add(self, kind: str, row: tuple[int, int], name: str, time_ns: int, values: dict, **more) -> None:
        event = {"ph": kind, "pid": row[0], "tid": row[1], "name": name, "ts": time_ns / 1000, "args": values}
        self.out.append({**event, **more})

    def finish(self, time_ns: int) -> None:
        for row in list(self._open):
            self.end(row, time_ns, {})


def write(trace: pathlib.Path, out: pathlib.Path, calls: dict[int, str]) -> int:
    """Writes `out` from the CTF trace; `calls` names system calls. Returns the number of events."""
    rows, last, names = _Rows(), 0, {}
    for time_ns, cpu, pid, name, values in _messages(trace):
        last = time_ns
        if name == "sched_switch":
            rows.end((CPUS, cpu), time_ns, {})
            if values["next_pid"] != 0:
                rows.begin((CPUS, cpu), f"{values['next_comm']}:{values['next_pid']}", time_ns, {})
            names[values["prev_pid"]], names[values["next_pid"]] = values["prev_comm"], values["next_comm"]
        elif name == "sys_enter":
            rows.begin((TASKS, pid), calls.get(values["id"], f"call {values['id']}"), time_ns, values)
        elif name == "sys_exit":
            rows.end((TASKS, pid), time_ns, {"ret": values["ret"]})
        else:
            rows.instant((TASKS, pid), name, time_ns, values)
    rows.finish(last)
    for number, title in ((CPUS, "processors"), (TASKS, "tasks")):
        rows.out.append({"ph": "M", "pid": number, "name": "process_name", "args": {"name": title}})
    for pid, comm in names.items():
        rows.title((TASKS, pid), f"{comm} {pid}")
    out.write_text(json.dumps({"traceEvents": rows.out, "displayTimeUnit": "ns"}))
    return len(rows.out)
