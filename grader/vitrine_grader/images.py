"""Finds the project's tree and its disk builder (mkfs/disk.py), which Bochs boots from."""

from __future__ import annotations

import functools
import importlib.util
import os
import pathlib

from .errors import InfrastructureFault


@functools.cache
def root() -> pathlib.Path:
    """The project's tree: VITRINE_ROOT, or the checkout that this package lies in."""
    named = os.environ.get("VITRINE_ROOT")
    path = pathlib.Path(named) if named else pathlib.Path(__file__).resolve().parents[2]
    if not (path / "mkfs/disk.py").exists():
        raise InfrastructureFault(f"{path} is not a Vitrine tree; set VITRINE_ROOT")
    return path


@functools.cache
def _disk_builder():
    spec = importlib.util.spec_from_file_location("vitrine_disk", root() / "mkfs/disk.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses looks its module up there
    spec.loader.exec_module(module)
    return module


def build(kernel: pathlib.Path, initrd: pathlib.Path | None, cmdline: str, out: pathlib.Path) -> None:
    """A BIOS-bootable disk with GRUB, this kernel, initrd and command line."""
    builder = _disk_builder()
    options = builder.Options(cmdline=cmdline, esp=False, cache=str(root() / "build/grub"))
    try:
        builder.build_disk(kernel, out, initrd=initrd, options=options)
    except builder.DiskError as error:
        raise InfrastructureFault(f"no disk image: {error}") from error
