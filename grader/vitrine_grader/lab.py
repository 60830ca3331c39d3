"""A lab's folder: lab.toml, tests, and the patches that prove the tests.

lab.toml: `title`, `number`, `files` (the student's, relative to the tree), `allowed_symbols`
(patterns), optionally `metrics`, `points` (what the tests must add up to) and the table `machine_code`
(for some of `files`: privileged instructions that they may hold).
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import tomllib

from .errors import GraderError


class LabError(GraderError):
    """The lab's own description is wrong; names the file and the field."""


@dataclasses.dataclass(frozen=True)
class Lab:
    """`name` is the short one (boot), `folder` the whole (labs/01-boot)."""

    name: str
    folder: pathlib.Path
    title: str
    number: int
    files: tuple[str, ...]
    allowed_symbols: tuple[str, ...]
    metrics: tuple[str, ...]
    points: float
    machine_code: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def tests(self) -> pathlib.Path:
        return self.folder / "tests"

    def patches(self, kind: str) -> list[pathlib.Path]:
        """kind: mutants, alternates, adversaries."""
        return sorted((self.folder / kind).glob("*.patch"))


def find(root: pathlib.Path, name: str) -> Lab:
    """By short name, number or folder name. LabError lists what there is."""
    folders = sorted(path.parent for path in (root / "labs").glob("*/lab.toml"))
    for folder in folders:
        number, _, short = folder.name.partition("-")
        if name in (folder.name, short, number, number.lstrip("0")):
            return load(folder)
    known = ", ".join(folder.name for folder in folders) or "none"
    raise LabError(f"there is no lab {name!r}; known: {known}")


def load(folder: pathlib.Path) -> Lab:
    """Reads and checks lab.toml."""
    path = folder / "lab.toml"
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{path}: {error}") from error
    known = {f.name for f in dataclasses.fields(Lab)} - {"folder", "name"} | {"tests", "tasks"}
    if unknown := set(data) - known:
        raise LabError(f"{path}: unknown field {', '.join(sorted(unknown))}")
    files = tuple(data.get("files", ()))
    if not files:
        raise LabError(f"{path}: `files` is empty")
    for file in files:
        parts = pathlib.PurePosixPath(file)
        if parts.is_absolute() or ".." in parts.parts or parts.parts[0] != "src":
            raise LabError(f"{path}: {file!r} is not below src/")
    return Lab(
        folder.name.partition("-")[2] or folder.name, folder, str(data.get("title", folder.name)),
        int(data.get("number", 0)), files, tuple(data.get("allowed_symbols", ())),
        tuple(data.get("metrics", ())), float(data.get("points", 0)),
        dict(data.get("machine_code", {})),
    )  # fmt: skip


def kills(patch: pathlib.Path) -> str:
    """The test that a mutant's header line `Kills: test_name` names, or empty."""
    head = patch.read_text(errors="replace").split("\n--- ", 1)[0]
    found = re.search(r"^Kills:\s*(\S+)", head, re.MULTILINE)
    return found[1] if found else ""


def summary(patch: pathlib.Path) -> str:
    """The first line of a patch's header that is prose."""
    for line in patch.read_text(errors="replace").splitlines():
        if line.startswith(("--- ", "diff ")):
            break
        if line.strip() and not line.startswith("Kills:"):
            return line.strip()
    return patch.stem
