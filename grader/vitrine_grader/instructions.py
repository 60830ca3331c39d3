"""Looks for machine instructions that a lab's files have no business to hold.

In the kernel everything is privileged, so a submission could speak to the hardware behind the back of
the parts that do it: write to a serial port as if it were the agent, load other tables, stop the
machine. This is a fence, not proof: what a submission does is judged by the machine's state.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
from typing import Sequence

_PRIVILEGED = re.compile(
    r"in|out|(in|out)s[bwld]|cli|sti|hlt|lgdt|lidt|lldt|ltr|lmsw|clts|rdmsr|wrmsr|invlpg|invpcid|wbinvd|invd|xsetbv|swapgs|"
    r"int[13o]?|syscall|sysret[lq]?|sysenter|sysexit[lq]?|iret[qlw]?|lret[qlw]?|ljmp[qlw]?|lcall[qlw]?|popf[qw]?|vm\w+"
)
_CONTROL = re.compile(r"%((?:cr|dr|db)\d+)")
_LINE = re.compile(r"^\s+[0-9a-f]+:\t((?:rep\w*|lock|data16|addr32|rex\S*|[cdefgs]s) )*(\S+)(.*)$")
_FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")


def forbidden(path: pathlib.Path, allowed: Sequence[str] = ()) -> list[str]:
    """`instruction` in function(), for each one in an object file whose name is not in `allowed`: "cli", or for
    control and debug registers with the register, "mov cr3"."""
    argv = ["objdump", "-d", "-C", "--no-show-raw-insn", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    found, function = [], "?"
    for line in done.stdout.splitlines():
        if name := _FUNCTION.match(line):
            function = name[1].split("(")[0]
        if (hit := _LINE.match(line)) and (name := _privileged_name(hit[2], hit[3])) and name not in allowed:
            found.append(f"`{(hit[2] + hit[3]).split('#')[0].strip()}` in {function}()")
    return sorted(set(found))


def _privileged_name(mnemonic: str, operands: str) -> str:
    """What `allowed` calls it; empty if any program may execute it."""
    if register := _CONTROL.search(operands):
        return f"{mnemonic} {register[1]}"
    return mnemonic if _PRIVILEGED.fullmatch(mnemonic) else ""
