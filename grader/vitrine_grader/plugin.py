"""The pytest plug-in that lab tests are written with. Load it with `-p vitrine_grader.plugin`.

    @points(4, task="2", requires=["test_boots"], function="memblock_add", handout="3.2")
    def test_overlapping_ranges(agent, rng): ...

A test with `metric="what is counted"` measures for the leaderboard; it calls `measure(value)`, in counts
that are the same on every host.

Fixtures: `emu` (qemu, bochs), `seed` and `rng` (replayed by --seed), `boot` (starts machines and
stops them), `machine`, `agent`, `symbols`, `measure`. Results travel as plain dicts in `user_properties`, so the
same code works in one process and under xdist.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import random
import secrets
import shutil
import tempfile
import time

import pytest

from . import dependencies, sandbox
from .bochs import Bochs
from .errors import GraderError, GuestFault, InfrastructureFault
from .failure import Failure
from .machine import Config, Machine
from .qemu import Qemu
from .symbols import SymbolTable
from .terminal import Reporter

DRIVERS: dict[str, type[Machine]] = {"qemu": Qemu, "bochs": Bochs}
points = pytest.mark.points
_START_TRIES = 3  # an emulator that does not come up is our fault, so may be tried again


def pytest_addoption(parser):
    group = parser.getgroup("vitrine")
    group.addoption("--emu", choices=[*DRIVERS, "both"], default="qemu", help="emulators to run on")
    group.addoption("--seed", default=None, help="replay: the seed that a run printed")
    group.addoption("--kernel-dir", default="build/kernel", help="where vitrine.elf is")
    group.addoption("--initrd", default="build/initramfs-lab.cpio", help="of the machines")
    group.addoption("--lab", default="", help="the lab's short name, for messages")
    group.addoption("--record", default=None, help="write the results here (JSON)")
    group.addoption("--no-sandbox", action="store_true", help="run emulators without bubblewrap")
    group.addoption("--table", action="store_true", help="the grader's own display")
    group.addoption("--failed-build", default="", help="no kernel: every test fails with this text")
    group.addoption("--keep", default=None, help="keep the machines' folders here")


@pytest.hookimpl(trylast=True)  # the terminal reporter is registered before
def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "points(n, visibility='visible', task='', handout='', function='', requires=[], emulators=None, metric=''):"
        " what a lab test is worth, and what a failure tells",
    )
    worker = getattr(config, "workerinput", None)
    if worker:
        config.vitrine_seed, config.vitrine_run = worker["vitrine_seed"], worker["vitrine_run"]
        return
    config.vitrine_seed = config.getoption("seed") or secrets.token_hex(8)
    config.vitrine_run = tempfile.mkdtemp(prefix="vitrine-run-")
    config.pluginmanager.register(Collector(config), "vitrine-collector")
    if config.getoption("table"):
        config.pluginmanager.unregister(name="terminalreporter")


def pytest_unconfigure(config):
    if hasattr(config, "vitrine_run") and not hasattr(config, "workerinput"):
        shutil.rmtree(config.vitrine_run, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["vitrine_seed"] = node.config.vitrine_seed
    node.workerinput["vitrine_run"] = node.config.vitrine_run


def pytest_report_header(config):
    return f"vitrine: seed {config.vitrine_seed} (replay: --seed {config.vitrine_seed})"


# Tests.


def mark_of(item) -> dict:
    """The `points` marker as a dict with every key."""
    mark = item.get_closest_marker("points")
    options = {"visibility": "visible", "task": "", "handout": "", "function": "", "requires": (), "metric": ""}
    if mark is None:
        return {"n": 0, **options}
    unknown = set(mark.kwargs) - {*options, "n", "emulators"}
    if unknown:
        raise pytest.UsageError(f"{item.name}: points() has no {', '.join(sorted(unknown))}")
    return {"n": mark.args[0] if mark.args else 0, **options, **mark.kwargs}


def emulator_of(item) -> str:
    spec = getattr(item, "callspec", None)
    return spec.params.get("emu", "") if spec else ""


def _has_emulator(item) -> bool:
    """False for a test of another emulator than those chosen: pytest stands in a value for none."""
    return isinstance(emulator_of(item), str)


def _emulators(config, definition) -> list[str]:
    chosen = config.getoption("emu")
    names = list(DRIVERS) if chosen == "both" else [chosen]
    mark = definition.get_closest_marker("points")
    only = mark.kwargs.get("emulators") if mark else None
    return [name for name in names if only is None or name in only]


def pytest_generate_tests(metafunc):
    if "emu" in metafunc.fixturenames:
        metafunc.parametrize("emu", _emulators(metafunc.config, metafunc.definition))


@pytest.hookimpl(trylast=True)  # what -k takes out is not waited for
def pytest_collection_modifyitems(config, items):
    items[:] = [item for item in items if _has_emulator(item)]
    wanted = {item: [(name, emulator_of(item)) for name in mark_of(item)["requires"]] for item in items}
    keys = {item: (item.originalname or item.name, emulator_of(item)) for item in items}
    all_names = {name for name, _ in keys.values()}
    for item, needs in wanted.items():
        for name, _ in needs:
            module_has = hasattr(item.module, name)
            if name not in all_names and not module_has and not config.getoption("keyword"):
                raise pytest.UsageError(f"{item.name} requires {name}, which does not exist")
    items[:] = dependencies.sort(items, keys, wanted)
    config.vitrine_keys = set(keys.values())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.vitrine_start = time.monotonic()
    if problem := item.config.getoption("failed_build"):
        raise Failure("the submission gives a kernel that may run", observed=problem)
    for name in mark_of(item)["requires"]:
        key = (name, emulator_of(item))
        if key not in item.config.vitrine_keys:
            continue
        status = dependencies.wait_for(pathlib.Path(item.config.vitrine_run), key)
        if status not in ("passed", None):
            pytest.skip(f"not run, because {name} {'did not run' if status == 'skipped' else status}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    state = item.stash.setdefault(_STATE, {"status": "passed", "output": []})
    if call.excinfo is not None:
        _note(item, call, state)
    if report.when == "teardown":
        result = _result(item, state)
        dependencies.publish(pathlib.Path(item.config.vitrine_run), _key(item), result["status"])
        report.user_properties.append(("vitrine", json.dumps(result)))


_STATE = pytest.StashKey[dict]()
_VALUE = pytest.StashKey[float]()


def _key(item) -> tuple[str, str]:
    return item.originalname or item.name, emulator_of(item)


def _note(item, call, state) -> None:
    """Turns an exception into a status and a text; the worst status stands."""
    error = call.excinfo.value
    if isinstance(error, pytest.skip.Exception):
        status, text = "skipped", str(error.msg)
    elif isinstance(error, InfrastructureFault):
        status, text = "fault", f"infrastructure fault, says nothing about the submission: {error}"
    else:
        status, text = "failed", _explain(item, error)
    order = ["passed", "skipped", "failed", "fault"]
    state["status"] = max(state["status"], status, key=order.index)
    state["output"].append(text)


def _explain(item, error: BaseException) -> str:
    """Every failure in the shape of failure.Failure."""
    mark = mark_of(item)
    title = (item.function.__doc__ or item.name.replace("_", " ")).strip().splitlines()[0]
    if not isinstance(error, Failure):
        what = str(error) or type(error).__name__
        known = isinstance(error, (GraderError, AssertionError))
        observed = what if known else f"{type(error).__name__}: {what}"
        error = Failure(title, observed=observed)
    error.function = error.function or mark["function"]
    error.handout = error.handout or mark["handout"]
    error.commands = error.commands or replay_commands(item)
    text = str(error)
    for machine in getattr(item, "vitrine_machines", ()):
        tail = machine.console.text.splitlines()[-12:] if hasattr(machine, "console") else []
        ended = f" ({machine.exit.value})" if machine.exit else ""
        if tail:
            text += f"\n  last words on the console of {machine.name}{ended}:\n"
            text += "\n".join("    | " + line[:160] for line in tail)
    return text


def replay_commands(item) -> tuple[str, ...]:
    """Copy, paste, see it again."""
    lab = item.config.getoption("lab") or "LAB"
    test, emulator = _key(item)
    where = f" EMU={emulator}" if emulator else ""
    seed = item.config.vitrine_seed
    return (f"replay:   make grade LAB={lab} T={test}{where} SEED={seed}",)


def _result(item, state) -> dict:
    mark, emulator = mark_of(item), emulator_of(item)
    shares = len(_emulators(item.config, item)) if emulator else 1
    worth = mark["n"] / max(1, shares)
    return {
        "name": item.originalname or item.name, "status": state["status"], "max_score": worth,
        "score": worth if state["status"] == "passed" else 0.0, "output": "\n".join(state["output"]),
        "visibility": mark["visibility"], "task": str(mark["task"]), "emulator": emulator,
        "seed": item.config.vitrine_seed, "file": item.location[0],
        "seconds": time.monotonic() - getattr(item, "vitrine_start", time.monotonic()),
        "metric": mark["metric"], "value": item.stash.get(_VALUE, None),
    }  # fmt: skip


class Collector:
    """In the controlling process: gathers results, shows them, writes the record."""

    def __init__(self, config):
        self.config = config
        self.results: list[dict] = []
        self.problems: list[str] = []
        self.reporter = Reporter() if config.getoption("table") else None

    def pytest_collection_finish(self, session):
        if self.reporter and session.items:
            self.reporter.begin(len(session.items), self.config.vitrine_seed)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        if self.reporter:
            self.reporter.begin(len(ids), self.config.vitrine_seed)

    def pytest_collectreport(self, report):
        if report.failed:
            self.problems.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        for name, value in report.user_properties:
            if name == "vitrine" and report.when == "teardown":
                self.results.append(json.loads(value))
                if self.config.getoption("maxfail") and self.results[-1]["status"] == "failed":
                    dependencies.stop_waiting(pathlib.Path(self.config.vitrine_run))
                if self.reporter:
                    self.reporter.show(self.results[-1])

    def pytest_sessionfinish(self, session):
        if self.reporter:
            self.reporter.end(self.results, self.problems)
        if path := self.config.getoption("record"):
            self.results.sort(key=lambda r: (r["file"], r["name"], r["emulator"]))
            data = {"seed": self.config.vitrine_seed, "tests": self.results, "problems": self.problems}
            pathlib.Path(path).write_text(json.dumps(data))


# Fixtures.


@pytest.fixture
def seed(request) -> int:
    """This test's own number, from the run's seed and the test's name (not the emulator)."""
    name = request.node.originalname or request.node.name
    text = f"{request.config.vitrine_seed}:{name}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


@pytest.fixture
def rng(seed) -> random.Random:
    """Challenges are drawn from this."""
    return random.Random(seed)


@pytest.fixture
def measure(request):
    """Takes the number that the test's `metric` names."""

    def take(value: float) -> None:
        request.node.stash[_VALUE] = value

    return take


@pytest.fixture(scope="session")
def kernel_dir(request) -> pathlib.Path:
    return pathlib.Path(request.config.getoption("kernel_dir")).resolve()


@pytest.fixture(scope="session")
def symbols(kernel_dir) -> SymbolTable:
    """Names and addresses of the kernel under test."""
    return SymbolTable(kernel_dir / "vitrine.elf")


@pytest.fixture(scope="session")
def _sandbox(request):
    return None if request.config.getoption("no_sandbox") else sandbox.require()


@pytest.fixture
def boot(request, emu, kernel_dir, seed, _sandbox):
    """`boot(cmdline, **Config fields)` starts a machine with the kernel under test and an agent key.

    All are stopped after the test. `driver=` overrides the emulator.
    """
    machines: list[Machine] = []
    request.node.vitrine_machines = machines
    keys = random.Random(seed ^ 0x6B6579)

    def start(cmdline: str = "console=ttyS0", driver: str = emu, **fields) -> Machine:
        fields.setdefault("kernel", boot_image(kernel_dir))
        fields.setdefault("key", keys.randbytes(16))
        if "initrd" not in fields:
            path = pathlib.Path(request.config.getoption("initrd")).resolve()
            fields["initrd"] = path if path.exists() else None
        if keep := request.config.getoption("keep"):
            fields["keep"] = pathlib.Path(keep) / f"{request.node.name}-{len(machines)}"
        config = Config(cmdline=cmdline, sandbox=_sandbox, **fields)
        machines.append(_start(DRIVERS[driver], config))
        return machines[-1]

    yield start
    for machine in machines:
        machine.stop()


def _start(driver, config) -> Machine:
    for attempt in range(_START_TRIES):
        machine = driver(config)
        try:
            machine.start()
            return machine
        except InfrastructureFault:
            machine.stop()
            if attempt == _START_TRIES - 1:
                raise
        except BaseException:
            machine.stop()
            raise


def boot_image(folder: pathlib.Path) -> pathlib.Path:
    """The stripped image if there is one (GRUB reads slowly), else the ELF itself."""
    for name in ("vitrine.img.elf", "vitrine.elf"):
        if (folder / name).exists():
            return folder / name
    raise GuestFault(f"there is no kernel in {folder}")


@pytest.fixture
def machine(boot) -> Machine:
    """A machine booted the plain way."""
    return boot()


@pytest.fixture
def agent(machine):
    """The agent of `machine`, greeted."""
    return machine.agent
