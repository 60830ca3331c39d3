"""Symbols of ELF files: addresses for the tests, and what a student's objects may refer to."""

from __future__ import annotations

import fnmatch
import functools
import pathlib
import subprocess

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


@functools.cache
def demangle(name: str) -> str:
    """A C++ name as a person writes it; other names as they are."""
    if not name.startswith("_Z"):
        return name
    done = subprocess.run(["c++filt", name], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip() or name


class SymbolTable:
    """Addresses by name: mangled, demangled, or demangled without parameters."""

    def __init__(self, path: pathlib.Path):
        with open(path, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            symbols = list(table.iter_symbols()) if table else []
        self._by_name = {s.name: s["st_value"] for s in symbols if s.name and s["st_shndx"] != "SHN_UNDEF"}
        self._plain: dict[str, int] | None = None

    def __getitem__(self, name: str) -> int:
        """KeyError when there is none."""
        if name in self._by_name:
            return self._by_name[name]
        if self._plain is None:
            names = "\n".join(self._by_name)
            done = subprocess.run(["c++filt"], input=names, capture_output=True, text=True, check=True)
            self._plain = {}
            for plain, value in zip(done.stdout.splitlines(), self._by_name.values()):
                self._plain[plain] = value
                self._plain.setdefault(plain.split("(")[0], value)
        return self._plain[name]


def undefined_symbols(path: pathlib.Path) -> set[str]:
    """Mangled names that an object file wants from others. ValueError if it is no object file."""
    try:
        with open(path, "rb") as file:
            tables = [s for s in ELFFile(file).iter_sections() if isinstance(s, SymbolTableSection)]
            found = [s for table in tables for s in table.iter_symbols()]
    except ELFError as error:
        raise ValueError(f"{path} is no ELF file: {error}") from error
    return {s.name for s in found if s["st_shndx"] == "SHN_UNDEF" and s.name}


def forbidden(path: pathlib.Path, allowed: list[str]) -> list[str]:
    """Undefined symbols outside `allowed`: names or patterns, matched against the mangled name,
    the demangled one, and that without parameters."""
    bad = []
    for name in sorted(undefined_symbols(path)):
        plain = demangle(name)
        forms = {name, plain, plain.split("(")[0]}
        if not any(fnmatch.fnmatchcase(form, pattern) for form in forms for pattern in allowed):
            bad.append(plain)
    return bad


def defined_symbols(path: pathlib.Path) -> set[str]:
    """Mangled global names that an object file defines."""
    with open(path, "rb") as file:
        tables = [s for s in ELFFile(file).iter_sections() if isinstance(s, SymbolTableSection)]
        found = [s for table in tables for s in table.iter_symbols()]
    return {s.name for s in found if s.name and s["st_shndx"] != "SHN_UNDEF"}
