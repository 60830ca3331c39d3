"""What a failed test tells its reader: the property, what was seen, where to look, how to replay.

Tests call `check(...)` or raise `Failure`; everything else that a test can raise (a timeout, a
stopped machine) is turned into one by the plug-in, so that every report has the same shape.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Failure(AssertionError):
    """A broken property. `function` is the likely place, `handout` a section of the lab text."""

    property: str
    expected: object = None
    observed: object = None
    function: str = ""
    handout: str = ""
    commands: tuple[str, ...] = ()  # replay, debug, rewind

    def __post_init__(self) -> None:
        super().__init__(self.property)

    def __str__(self) -> str:
        lines = [f"Broken property: {self.property}"]
        if self.expected is not None:
            lines.append(f"  expected: {_short(self.expected)}")
        if self.observed is not None:
            lines.append(f"  observed: {_short(self.observed)}")
        if self.function:
            lines.append(f"  look at:  {self.function}")
        if self.handout:
            lines.append(f"  read:     {self.handout}")
        lines += [f"  {command}" for command in self.commands]
        return "\n".join(lines)


def check(condition: object, property: str, **details) -> None:
    """Raises Failure(property, ...) unless `condition` holds."""
    if not condition:
        raise Failure(property, **details)


def check_equal(observed: object, expected: object, property: str, **details) -> None:
    """Raises Failure unless the two are equal, and shows both."""
    if observed != expected:
        raise Failure(property, expected=expected, observed=observed, **details)


def _short(value: object, most: int = 2000) -> str:
    """`value` in at most `most` characters; numbers above 9 also in hexadecimal."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9:
        return f"{value} ({value:#x})"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[: most // 2] + " [...] " + text[-most // 2 :]
