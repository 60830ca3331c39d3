"""Tests that require others: order, and what became of those, across processes.

Items are sorted so that each stands behind what it requires: first all that require nothing, then those
that require only these, and so on, so that what a test waits for is mostly done when its turn comes.
xdist hands items out in that order and each worker runs its own in order, so waiting for an earlier
item cannot deadlock: the earliest unfinished item never waits.
"""

from __future__ import annotations

import pathlib
import time

Key = tuple[str, str]  # test function, emulator
_STOP = "stop"
PATIENCE = 900.0  # wall seconds; then the test simply runs: never skipped for a lost neighbour


def sort(items: list, keys: dict, wanted: dict) -> list:
    """Those with the shortest chain of requirements first, else as they came; ValueError names a cycle."""
    by_key: dict[Key, list] = {}
    for item in items:
        by_key.setdefault(keys[item], []).append(item)
    chain: dict = {}  # how many stand before an item, one behind the other; None: being found out

    def length(item) -> int:
        if item not in chain:
            chain[item] = None
            needed = [one for key in wanted[item] for one in by_key.get(key, ())]
            chain[item] = max((length(one) + 1 for one in needed), default=0)
        if chain[item] is None:
            raise ValueError(f"tests require each other: {keys[item][0]}")
        return chain[item]

    return sorted(items, key=length)


def _path(folder: pathlib.Path, key: Key) -> pathlib.Path:
    return folder / f"{key[0]}@{key[1]}"


def publish(folder: pathlib.Path, key: Key, status: str) -> None:
    """Tells the other processes; of several (parametrised) runs of one test the worst stands."""
    order = ["passed", "skipped", "failed", "fault"]
    path = _path(folder, key)
    before = path.read_text() if path.exists() else "passed"
    temporary = path.with_suffix(f".{time.monotonic_ns()}")
    temporary.write_text(max(before, status, key=order.index))
    temporary.rename(path)


def stop_waiting(folder: pathlib.Path) -> None:
    """The run stops at its first failure: nobody need wait any more."""
    (folder / _STOP).touch()


def wait_for(folder: pathlib.Path, key: Key) -> str | None:
    """The status of `key`; None when it never came."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return _path(folder, key).read_text()
        except FileNotFoundError:
            if (folder / _STOP).exists():
                return "skipped"
            time.sleep(0.05)
    return None
