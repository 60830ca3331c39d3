"""What a trace says of a scene: who ran where and when, who waited, and what virtual time did."""
import collections
import dataclasses

from .stage import Scene

NS_PER_MS = 1_000_000
WEIGHTS = {-5: 3121, 0: 1024, 5: 335}  # of the nice values in our scenes; src/sched/class/fair.cc


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A time in ms in which something was so."""

    start: float
    end: float
    name: str
    cpu: int

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclasses.dataclass(frozen=True)
class Charge:
    """Between two times in ms a task ran, and its virtual time, in ms, went from one value to the other."""

    name: str
    start: float
    end: float
    before: float
    after: float


@dataclasses.dataclass(frozen=True)
class Move:
    """A task goes to another processor's queue."""

    at: float
    name: str
    origin: int
    to: int


class History:
    """Times are ms since the first actor was woken; virtual times ms since the least of them."""

    def __init__(self, scene: Scene, records: list):
        self.scene = scene
        self._names = _names(records)
        actors = set(scene.names)
        first = next(r for r in records if r.event.name == "sched_wakeup" and r.values["comm"] in actors)
        self._zero = first.time_ns
        self.end = float(scene.ms)
        self.runs: list[Stretch] = []
        self.waits: list[Stretch] = []
        self.charges: list[Charge] = []
        self.moves: list[Move] = []
        self.wakeups: list[tuple[float, str]] = []
        self._read(records)
        self._rebase()

    def of(self, name: str) -> list[Stretch]:
        """The times in which that task ran."""
        return [run for run in self.runs if run.name == name]

    def total(self, name: str, start: float = 0, end: float | None = None) -> float:
        """How many ms of the time between it ran."""
        end = self.end if end is None else end
        return sum(max(0.0, min(run.end, end) - max(run.start, start)) for run in self.of(name))

    def charges_of(self, name: str) -> list[Charge]:
        return [charge for charge in self.charges if charge.name == name]

    def placed_at(self, name: str, after: float, before: float) -> float:
        """When a task got another virtual time: when it woke up, or else (it has forked) as it stopped running."""
        woken = [at for at, who in self.wakeups if who == name and after <= at <= before]
        return woken[-1] if woken else after

    def _ms(self, time_ns: int) -> float:
        return min(max((time_ns - self._zero) / NS_PER_MS, 0.0), self.end)

    def _read(self, records: list) -> None:
        running: dict[int, tuple[float, int]] = {}
        ready: dict[int, float] = {}
        for record in records:
            if record.time_ns < self._zero and record.event.name != "sched_switch":
                continue
            at, values, kind = self._ms(record.time_ns), record.values, record.event.name
            if kind == "sched_switch":
                self._switch(record, at, running, ready)
            elif kind in ("sched_wakeup", "sched_wakeup_new"):
                ready.setdefault(values["pid"], at)
                self.wakeups.append((at, self._names[values["pid"]]))
            elif kind == "sched_migrate_task":
                name = self._names[values["pid"]]
                self.moves.append(Move(at, name, values["orig_cpu"], values["dest_cpu"]))
            elif kind == "sched_stat_runtime":
                self._charge(at, values)
        for cpu, (since, pid) in running.items():
            self._ran(since, self.end, pid, cpu)
        for pid, since in ready.items():
            self._add(self.waits, since, self.end, pid, -1)

    def _switch(self, record, at: float, running: dict, ready: dict) -> None:
        gone, came = record.values["prev_pid"], record.values["next_pid"]
        since, _ = running.pop(record.cpu, (0.0, gone))
        self._ran(since, at, gone, record.cpu)
        if record.values["prev_state"] == 0 and gone != 0:
            ready[gone] = at
        if came in ready:
            self._add(self.waits, ready.pop(came), at, came, record.cpu)
        running[record.cpu] = (at, came)

    def _ran(self, since: float, until: float, pid: int, cpu: int) -> None:
        if pid != 0:
            self._add(self.runs, since, until, pid, cpu)

    def _add(self, to: list, since: float, until: float, pid: int, cpu: int) -> None:
        if until > since:
            to.append(Stretch(since, until, self._names.get(pid, str(pid)), cpu))

    def _charge(self, at: float, values: dict) -> None:
        name = values["comm"]
        if name not in self.scene.names:
            return
        virtual = values["runtime"] * 1024 // WEIGHTS[self.scene.nice(name)]
        start = at - values["runtime"] / NS_PER_MS
        self.charges.append(Charge(name, start, at, values["vruntime"] - virtual, values["vruntime"]))

    def _rebase(self) -> None:
        """Virtual times count from an arbitrary origin: from the least one of the scene on is shorter."""
        if not self.charges:
            return
        least = min(charge.before for charge in self.charges)
        self.charges = [
            dataclasses.replace(c, before=(c.before - least) / NS_PER_MS, after=(c.after - least) / NS_PER_MS)
            for c in self.charges
        ]


def _names(records: list) -> dict[int, str]:
    """The last name that each task has in the trace; a child starts with its parent's."""
    names: dict[int, str] = collections.defaultdict(str)
    for record in records:
        for pid, comm in (("pid", "comm"), ("prev_pid", "prev_comm"), ("next_pid", "next_comm")):
            if pid in record.values:
                names[record.values[pid]] = record.values[comm]
    return names
